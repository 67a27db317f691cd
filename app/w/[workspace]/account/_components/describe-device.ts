/** Order matters: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari. */
const browsers = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const;

const systems = [
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Android', 'Android'],
  ['Mac OS X', 'macOS'],
  ['Windows', 'Windows'],
  ['CrOS', 'ChromeOS'],
  ['Linux', 'Linux'],
] as const;

/** A browser and a system in words, as far as the browser tells: enough to recognise one's own. */
export function describeDevice(userAgent: string | null): string {
  const text = userAgent ?? '';
  const browser = browsers.find(([mark]) => text.includes(mark))?.[1];
  const system = systems.find(([mark]) => text.includes(mark))?.[1];
  if (browser === undefined && system === undefined) return 'Unknown device';
  return [browser ?? 'Browser', system === undefined ? null : `on ${system}`].filter(Boolean).join(' ');
}
