import ipaddr from 'ipaddr.js';

/** Only this part of IPv6 is given out to hosts on the internet. @see IANA, IPv6 Global Unicast Address Assignments */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/** Services of a cloud's own machines that stand at public addresses: Azure's metadata and DNS. */
const CLOUD_INTERNAL = new Set(['168.63.129.16']);

/**
 * Whether an address belongs to a host that anybody can reach: neither this machine nor its networks, no metadata service, no
 * multicast, and no IPv6 address that wraps an IPv4 one (mapped, 6to4, NAT64, Teredo), since what it leads to is another
 * matter. False for everything that is no address.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  if (parsed instanceof ipaddr.IPv6) return parsed.zoneId === undefined && parsed.match(GLOBAL_UNICAST);
  return !CLOUD_INTERNAL.has(parsed.toString());
}
