import { describe, expect, it } from 'vitest';
import { describeDevice } from './describe-device.ts';

describe('describeDevice', () => {
  it('tells browsers apart that wear each other’s names', () => {
    const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36';
    expect(describeDevice(chrome)).toBe('Chrome on Linux');
    expect(describeDevice(`${chrome} Edg/141.0`)).toBe('Edge on Linux');
    expect(
      describeDevice('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Safari/604'),
    ).toBe('Safari on iPhone');
    expect(describeDevice('curl/8.9')).toBe('Unknown device');
    expect(describeDevice(null)).toBe('Unknown device');
  });
});
