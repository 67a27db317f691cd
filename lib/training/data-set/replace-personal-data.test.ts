import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isIban, isPaymentCard, replacePersonalData } from './replace-personal-data.ts';

const replace = (text: string) => replacePersonalData(text).text;

describe('replacePersonalData', () => {
  it('puts a word for its kind in the place of each', () => {
    const text =
      'Hello, my name is Maria Gonzalez (maria.gonzalez@example.co.uk). Call (415) 555-2671 or +44 20 7946 0958, ' +
      'pay from DE89 3704 0044 0532 0130 00 or 4111 1111 1111 1111; the router is 192.168.10.254 or 2001:db8::8a2e:370:7334.';
    expect(replacePersonalData(text)).toEqual({
      text:
        'Hello, my name is [name] ([mail]). Call [phone] or [phone], ' +
        'pay from [iban] or [card]; the router is [ip] or [ip].',
      counts: { name: 1, mail: 1, phone: 2, iban: 1, card: 1, ip: 2 },
    });
  });

  it('leaves orders, versions, times and parts alone', () => {
    for (const text of [
      'My order 113542617735902 was placed on 2026-03-01 at 10:32:05.',
      'Firmware 4.12.0 of part MX-7731 needs 230 V.',
      'The grace period is 14 days. Reset the pump.',
      'IBAN DE89 3704 0044 0532 0130 01 has a wrong checksum.',
      'std::vector::push_back and 999.1.1.1 are no addresses.',
    ])
      expect(replace(text)).toBe(text);
  });

  it('finds names by greeting and by title', () => {
    expect(replace('Hi John, thanks for waiting.')).toBe('Hi [name], thanks for waiting.');
    expect(replace('Please ask Dr. Schneider about it.')).toBe('Please ask [name] about it.');
  });

  it('changes nothing the second time', () => {
    const part = fc.constantFrom(
      'Maria Gonzalez',
      'a@b.example',
      '+49 30 901820',
      'GB82 WEST 1234 5698 7654 32',
      '5500 0000 0000 0004',
      '10.0.0.1',
      'order 12345',
      'thanks,',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const once = replace(parts.join(' and '));
        expect(replace(once)).toBe(once);
      }),
    );
  });
});

describe('checksums', () => {
  it('hold an IBAN to modulo 97', () => {
    expect(isIban('GB82 WEST 1234 5698 7654 32')).toBe(true);
    expect(isIban('GB82 WEST 1234 5698 7654 33')).toBe(false);
  });

  it('hold a card to Luhn: of ten last digits one fits', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^4\d{14}$/), (head) => {
        const fitting = Array.from({ length: 10 }, (_, digit) => `${head}${digit}`).filter(isPaymentCard);
        expect(fitting).toHaveLength(1);
      }),
    );
  });
});
