/** Lines of CSV: RFC 4180, with a line feed at the end as other programs on Unix write it. */

function field(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Fields are quoted where they contain a comma, a quote or a line break. What is null or undefined is an empty field. */
export const csvLine = (values: readonly unknown[]): string => `${values.map(field).join(',')}\n`;
