/** Markup from templates: everything that goes into one is escaped, unless it is markup already. */

/** Markup that needs no escaping, made by {@link html} or {@link trusted} alone. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: text is escaped, a list is joined, what is not there vanishes. */
export type Content = Markup | string | number | undefined | false | readonly Content[];

/** html`<td>${value}</td>`: the template is markup, the values are text. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.map((text, at) => text + rendered(values[at])).join(''));
}

/** Markup that other code of ours has escaped: an SVG, a style sheet. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function rendered(value: Content): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'number') return String(value);
  return value.map(rendered).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text in which nothing is markup, and in which a device cannot hide or turn around what is read: control and
 * bidirectional characters become visible.
 *
 * Source: HTML, section 13.1.2.3; Unicode UAX 9, section 2.
 */
export function escaped(text: string): string {
  return text
    .replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
      (char) => {
        return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
      },
    )
    .replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

/** A string of CSS, for the `content` of a page’s margin. Source: CSS Syntax Level 3, section 4.3.7. */
export function cssString(text: string): string {
  const safe = text.replace(
    /[^\p{L}\p{N} .,:;/()_–—-]/gu,
    (char) => `\\${(char.codePointAt(0) ?? 0).toString(16)} `,
  );
  return `"${safe}"`;
}
