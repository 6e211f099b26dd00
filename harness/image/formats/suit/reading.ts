/** What the parts of the SUIT parser share: issues by layer, and the byte strings that were opened. */

import type { ByteSource } from '../../byte-source.ts';
import { cborMajors, harmlessCbor, scanCbor, type CborItem } from '../../codec/cbor.ts';
import type { Coverage, Issue } from '../../image.ts';

/** Which part does not hold together: what surrounds the manifest, or what the signature covers. */
export type Layer = 'envelope' | 'manifest';

/** A range with a name, and finer ones inside it, in order. */
export interface Mark {
  start: number;
  end: number;
  name: string;
  /** That of what contains it, when absent. */
  coverage?: Coverage;
  inside?: Mark[];
}

const mostIssues = 200;

export class Reading {
  readonly source: ByteSource;
  readonly issues: Issue[] = [];
  /** Byte strings with CBOR inside that was read: their lengths follow what is changed in them. */
  readonly wraps: CborItem[] = [];
  /** The first thing of each layer that makes it unreadable. */
  readonly broken: Partial<Record<Layer, Issue>> = {};

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Notes what is wrong; all but the harmless break their layer. */
  issue(layer: Layer, code: string, at: number, message: string, harmless = false): void {
    const issue = { code, at, message };
    if (this.issues.length < mostIssues) this.issues.push(issue);
    if (!harmless) this.broken[layer] ??= issue;
  }

  /** The one item in a range. */
  scan(layer: Layer, start: number, end: number): CborItem | undefined {
    const { item, issues } = scanCbor(this.source, { start, end });
    for (const { code, at, message } of issues) this.issue(layer, code, at, message, harmlessCbor.has(code));
    return item;
  }

  /** The one item that fills a byte string, as `bstr .cbor` wants it. */
  open(layer: Layer, wrapper: CborItem | undefined, what: string): CborItem | undefined {
    if (wrapper === undefined) return undefined;
    if (wrapper.major !== cborMajors.bytes || wrapper.indefinite || !wrapper.complete) {
      this.issue(layer, 'not-wrapped', wrapper.start, `${what} is no byte string of definite length`);
      return undefined;
    }
    const item = this.scan(layer, wrapper.headEnd, wrapper.end);
    if (item === undefined) return undefined;
    this.wraps.push(wrapper);
    if (item.complete && item.end !== wrapper.end) {
      this.issue(
        layer,
        'wrapped-rest',
        item.end,
        `${wrapper.end - item.end} bytes behind ${what} in its byte string`,
      );
    }
    return item;
  }

  /** The item when it is of that kind; an issue otherwise. */
  expect(layer: Layer, item: CborItem | undefined, major: number, what: string): CborItem | undefined {
    if (item === undefined || item.major === major) return item;
    this.issue(layer, 'unexpected-type', item.start, `${what} is of CBOR type ${item.major}, not ${major}`);
    return undefined;
  }
}
