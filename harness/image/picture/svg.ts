/** Bits of SVG: text that cannot break out of its place, numbers that are numbers. */

/** For content and attributes; what XML 1.0 does not allow, and what turns the direction of text, becomes U+FFFD. */
export function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Not longer than so many characters; what is cut out of the middle becomes `…`. */
export function shortened(text: string, most: number): string {
  const characters = [...text.slice(0, most * 4)];
  if (characters.length <= most && text.length <= most * 4) return text;
  const head = Math.ceil((most - 1) * 0.6);
  const tail = [...text.slice(-most)].slice(-(most - 1 - head));
  return `${characters.slice(0, head).join('')}…${tail.join('')}`;
}

/** Lines of at most so many characters, broken between words where there are any; at most so many lines. */
export function wrapped(text: string, perLine: number, mostLines: number): string[] {
  const lines: string[] = [];
  let rest = text
    .slice(0, perLine * (mostLines + 1))
    .replace(/\s+/g, ' ')
    .trim();
  while (rest.length > 0) {
    if (rest.length <= perLine) return [...lines, rest];
    if (lines.length === mostLines - 1) return [...lines, `${rest.slice(0, perLine - 1)}…`];
    const space = rest.lastIndexOf(' ', perLine);
    const end = space > perLine / 2 ? space : perLine;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

export type Attributes = Readonly<Record<string, string | number>>;

/** An element; the contents are SVG already. */
export function element(name: string, attributes: Attributes, ...contents: readonly string[]): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? coordinate(value) : escaped(value)}"`)
    .join('');
  return contents.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${contents.join('')}</${name}>`;
}

/** Text in one line; escaped here. */
export function label(x: number, y: number, kind: string, text: string, extra: Attributes = {}): string {
  return element('text', { x, y, class: kind, ...extra }, escaped(text));
}

export function coordinate(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value * 10) / 10) : '0';
}

/** `0x00001f40`, as wide as the widest of the file. */
export function hexOffset(at: number, size: number): string {
  return `0x${Math.max(0, at)
    .toString(16)
    .padStart(Math.max(4, size.toString(16).length), '0')}`;
}

/** `32 B`, `9.5 KiB`, `1.2 GiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = bytes < 10_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  if (step === 0) return `${bytes} B`;
  return `${(bytes / 1024 ** step).toFixed(1)} ${units[step]}`;
}
