/** What Python counts as white space (`str.isspace`), which differs from JavaScript's `\s` in U+001C to U+001F, U+0085 and U+FEFF. */
export const WHITE_SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
