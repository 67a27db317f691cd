import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress } from './is-public-address.ts';

describe('isPublicAddress', () => {
  it.each(['93.184.216.34', '1.1.1.1', '8.8.8.8', '172.15.255.255', '172.32.0.1', '100.63.255.255', '2606:4700::1111'])(
    'takes %s',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  it.each([
    ['this host', '0.0.0.0', '::', '0.1.2.3'],
    ['loopback', '127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'],
    ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fd00::1', 'fc00::1', 'fec0::1'],
    ['link-local and metadata', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'fd00:ec2::254', '168.63.129.16'],
    ['carrier-grade NAT', '100.64.0.1', '100.100.100.200', '100.127.255.255'],
    ['multicast and broadcast', '224.0.0.1', '239.255.255.250', '255.255.255.255', 'ff02::1'],
    ['reserved', '192.0.0.192', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '240.0.0.1', '2001:db8::1'],
    ['mapped', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '::ffff:8.8.8.8', '::ffff:0:7f00:1'],
    ['compatible', '::127.0.0.1', '::7f00:1', '::808:808'],
    ['6to4, Teredo, NAT64', '2002:7f00:1::', '2002:a9fe:a9fe::', '2001::1', '64:ff9b::7f00:1', '64:ff9b:1::a00:1'],
    ['other spellings', '0177.0.0.1', '0x7f.0.0.1', '2130706433', '127.1', '017700000001', '0x7f000001'],
    ['no address', '', 'localhost', 'example.com', '1.2.3.4.5', '[::1]', ' 8.8.8.8'],
  ])('refuses %s addresses', (_kind, ...addresses) => {
    for (const address of addresses)
      expect({ address, isPublic: isPublicAddress(address) }).toEqual({ address, isPublic: false });
  });

  it('never lets an IPv4 address in through IPv6', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom('::ffff:', '::', '64:ff9b::', '::ffff:0:'), (address, prefix) => {
        expect(isPublicAddress(`${prefix}${address}`)).toBe(false);
      }),
    );
  });
});
