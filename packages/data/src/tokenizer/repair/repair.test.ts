// Repair of captions from the web.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repairText } from './index.ts';

describe('repairText', () => {
  it.each([
    ['cafÃ©', 'café'],
    ['Ã¢â‚¬â„¢', "'"],
    ['ðŸ˜€ smile', '😀 smile'],
    ['Ä° nÃ£o', 'İ não'],
    ['CAFÉ™', 'CAFÉ™'],
    ['NÃO SÃO', 'NÃO SÃO'],
    ['Ã la carte', 'à la carte'],
    ['\u0093quoted\u0094', '"quoted"'],
    ['ﬁne ﬂow ﬆ', 'fine flow st'],
    ['ＡＢＣ１\u3000２', 'ABC1 2'],
    ['‘a’ “b”', '\'a\' "b"'],
    ['a\r\nb\u2028c', 'a\nb\nc'],
    ['\ud800x', '\ufffdx'],
    ['a\u0000\ufeffb', 'ab'],
    ['\u001b[1;31mred\u001b[0m', 'red'],
    ['e\u0301', 'é'],
    ['&eacute; &lt;', 'é <'],
    ['<i>&eacute;</i>', '<i>&eacute;</i>'],
    // After the first "<", entities stay in later lines, too.
    ['&eacute;\n<i>\n&eacute;', 'é\n<i>\n&eacute;'],
    ['&NTILDE; &nTILDE;', 'Ñ &nTILDE;'],
    // Misread as windows-1250, windows-1251, cp437 and macintosh.
    ['koĹ‚o', 'koło'],
    ['РџСЂРёРІРµС‚', 'Привет'],
    ['├⌐t├⌐', 'été'],
    ['√©t√©', 'été'],
    ['â€œlossyâ€\ufffd', '"lossy\ufffd'],
    // A pair of surrogates in six bytes (CESU-8), and Java's encoding of U+0000.
    ['í\xa0½í¸\x80', '😀'],
    ['À\x80', ''],
  ])('%j becomes %j', (text, repaired) => {
    expect(repairText(text)).toBe(repaired);
  });

  it('restores text that was misread once or twice as windows-1252', () => {
    // Every windows-1252 decoder that follows the WHATWG maps the undefined bytes to C1 controls, as repairText assumes. The emoji
    // makes the text look misread; a few letters alone can be intended.
    const misread = (text: string) => new TextDecoder('windows-1252').decode(new TextEncoder().encode(text));
    const text = fc.stringMatching(/^[a-z日本語Привет😀é]{0,10}😀$/u);
    fc.assert(
      fc.property(text, (original) => {
        expect(repairText(misread(original))).toBe(original);
        expect(repairText(misread(misread(original)))).toBe(original);
      }),
    );
  });

  it('leaves repaired ASCII alone', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -%'-~]{0,30}$/), (text) => {
        expect(repairText(text)).toBe(text);
      }),
    );
  });
});
