/**
 * The single-byte encodings as which text on the web is misread, as tables of characters: `TextDecoder` lacks cp437, and platforms
 * differ in how they decode bytes that an encoding leaves undefined. The choice of encodings and their order are those of ftfy 6
 * (Apache License 2.0).
 */

/** The characters of the bytes 0x80 to 0xff. Bytes that an encoding leaves undefined are control characters here, as in latin-1. */
const UPPER_HALVES = {
  'latin-1': Array.from({ length: 128 }, (_, i) => String.fromCharCode(0x80 + i)),
  'windows-1252': [
    ...'€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ',
    ...'\xa0¡¢£¤¥¦§¨©ª«¬\xad®¯°±²³´µ¶·¸¹º»¼½¾¿',
    ...'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß',
    ...'àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ',
  ],
  'windows-1251': [
    ...'ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\x98™љ›њќћџ',
    ...'\xa0ЎўЈ¤Ґ¦§Ё©Є«¬\xad®Ї°±Ііґµ¶·ё№є»јЅѕї',
    ...'АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ',
    ...'абвгдежзийклмнопрстуфхцчшщъыьэюя',
  ],
  'windows-1250': [
    ...'€\x81‚\x83„…†‡\x88‰Š‹ŚŤŽŹ\x90‘’“”•–—\x98™š›śťžź',
    ...'\xa0ˇ˘Ł¤Ą¦§¨©Ş«¬\xad®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż',
    ...'ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß',
    ...'ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙',
  ],
  'windows-1253': [
    ...'€\x81‚ƒ„…†‡\x88‰\x8a‹\x8c\x8d\x8e\x8f\x90‘’“”•–—\x98™\x9a›\x9c\x9d\x9e\x9f',
    ...'\xa0΅Ά£¤¥¦§¨©ª«¬\xad®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏ',
    ...'ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡÒΣΤΥΦΧΨΩΪΫάέήί',
    ...'ΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώÿ',
  ],
  'windows-1254': [
    ...'€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8d\x8e\x8f\x90‘’“”•–—˜™š›œ\x9d\x9eŸ',
    ...'\xa0¡¢£¤¥¦§¨©ª«¬\xad®¯°±²³´µ¶·¸¹º»¼½¾¿',
    ...'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß',
    ...'àáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ',
  ],
  'windows-1257': [
    ...'€\x81‚\x83„…†‡\x88‰\x8a‹\x8c¨ˇ¸\x90‘’“”•–—\x98™\x9a›\x9c¯˛\x9f',
    ...'\xa0¡¢£¤¥¦§Ø©Ŗ«¬\xad®Æ°±²³´µ¶·ø¹ŗ»¼½¾æ',
    ...'ĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽß',
    ...'ąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙',
  ],
  'iso-8859-2': [
    ...'\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f',
    ...'\xa0Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\xadŽŻ°ą˛ł´ľśˇ¸šşťź˝žż',
    ...'ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß',
    ...'ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙',
  ],
  macintosh: [
    ...'ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü',
    ...'†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø',
    ...'¿¡¬√ƒ≈∆«»…\xa0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ',
    ...'‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uf8ffÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ',
  ],
  cp437: [
    ...'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ',
    ...'áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐',
    ...'└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀',
    ...'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\xa0',
  ],
} as const satisfies Record<string, readonly string[]>;

type EncodingName = keyof typeof UPPER_HALVES;

/** A single-byte encoding. Bytes are written as a string with one character (U+0000 to U+00FF) per byte, for regular expressions. */
export interface SingleByteEncoding {
  readonly name: EncodingName;
  /** Whether the byte 0x1a ("substitute") represents U+FFFD, which decoders put in the place of a byte that they could not decode. */
  readonly isLossy: boolean;
  /** The characters of the bytes 0x80 to 0xff. */
  readonly upperHalf: readonly string[];
  /** The bytes that this encoding reads as `text`, or undefined where a character is not in the encoding. */
  encode(text: string): string | undefined;
}

const SUBSTITUTE = '\x1a';

function singleByteEncoding(name: EncodingName): SingleByteEncoding {
  const upperHalf: readonly string[] = UPPER_HALVES[name];
  const isLossy = name.startsWith('windows-');
  const bytes = new Map(upperHalf.map((character, i) => [character, String.fromCharCode(0x80 + i)]));
  for (let byte = 0; byte < 0x80; byte++) bytes.set(String.fromCharCode(byte), String.fromCharCode(byte));
  if (isLossy) {
    bytes.delete(SUBSTITUTE);
    bytes.set('\ufffd', SUBSTITUTE);
  }
  const encode = (text: string): string | undefined => {
    let encoded = '';
    for (const character of text) {
      const byte = bytes.get(character);
      if (byte === undefined) return undefined;
      encoded += byte;
    }
    return encoded;
  };
  return { name, isLossy, upperHalf, encode };
}

/** All encodings, in the order in which they are tried. */
export const singleByteEncodings: readonly SingleByteEncoding[] = (Object.keys(UPPER_HALVES) as EncodingName[]).map(
  singleByteEncoding,
);

/** What windows-1252 reads where latin-1 has a control character (U+0080 to U+009F), as browsers do; others stay as they are. */
export const controlToWindows1252 = (character: string): string =>
  UPPER_HALVES['windows-1252'][character.charCodeAt(0) - 0x80] ?? character;
