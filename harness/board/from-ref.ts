/** `!from wire.key`: a setting whose value another wire provides once it is open. */

/** A reference in place of a value; resolved by `resolveSettings` when the other wire is open. */
export class FromRef {
  /** As written: `power.modbusPort`. */
  readonly from: string;

  constructor(from: string) {
    this.from = from;
  }

  /** Name of the wire that provides the value. */
  get wire(): string {
    return this.from.slice(0, this.from.indexOf('.'));
  }

  /** Name of the value among those that the wire provides. */
  get key(): string {
    return this.from.slice(this.from.indexOf('.') + 1);
  }
}

/** What a reference must look like. */
export const fromRefPattern = /^[a-z][a-z0-9-]*\.[A-Za-z][A-Za-z0-9]*$/;

/** All references inside a value, each with its path below it. */
export function* fromRefsIn(
  value: unknown,
  path: readonly (string | number)[] = [],
): Generator<{ ref: FromRef; path: readonly (string | number)[] }> {
  if (value instanceof FromRef) {
    yield { ref: value, path };
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* fromRefsIn(item, [...path, index]);
  } else if (value !== null && typeof value === 'object' && !(value instanceof Uint8Array)) {
    for (const [key, item] of Object.entries(value)) yield* fromRefsIn(item, [...path, key]);
  }
}

/** A copy of a value with every reference replaced. Byte arrays are kept as they are. */
export function replaceRefs(value: unknown, valueOf: (ref: FromRef) => unknown): unknown {
  if (value instanceof FromRef) return valueOf(value);
  if (Array.isArray(value)) return value.map((item) => replaceRefs(item, valueOf));
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaceRefs(item, valueOf)]));
}
