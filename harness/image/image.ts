/** What every image format has in common: regions that tile the file, and what is wrong with it. */

/**
 * How a region is protected: `signed` bytes are covered by the signature (directly or through a digest),
 * `unsigned` bytes are read but covered by nothing, `signature` is the signature itself, `trailing` bytes lie
 * behind everything that the format describes.
 */
export type Coverage = 'signed' | 'unsigned' | 'signature' | 'trailing';

/** Bytes `[start, end)` of the file. A leaf: regions tile the file in order, without gap or overlap. */
export interface Region {
  /** Unique in its image: `header.version`, `payload`, `unprotected.ECDSA.value`. */
  name: string;
  start: number;
  end: number;
  coverage: Coverage;
}

/** Something that a correct image does not have. */
export interface Issue {
  /** Kebab-case: `magic`, `truncated`, `tlv-length`. */
  code: string;
  /** Offset in the file to which it refers. */
  at: number;
  message: string;
}

/** What a parser gives: always something, whatever the bytes; never an exception. */
export interface ParsedImage {
  format: string;
  size: number;
  regions: readonly Region[];
  issues: readonly Issue[];
  /** The files that it stands for, where it is handed over as several: bytes `[start, end)` each. */
  parts?: readonly ImagePart[];
}

export interface ImagePart {
  name: 'payload' | 'signature';
  start: number;
  end: number;
}

/** The region of that name, or undefined. */
export function regionNamed(image: ParsedImage, name: string): Region | undefined {
  return image.regions.find((region) => region.name === name);
}

/** Collects leaves from the front to the back; repeated names get `#2`, `#3` …, empty regions are left out. */
export class RegionTiler {
  readonly regions: Region[] = [];
  readonly #size: number;
  readonly #names = new Map<string, number>();
  #at = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Where the next region starts. */
  get at(): number {
    return this.#at;
  }

  /** Takes the bytes from the last region's end up to `end`, clipped to the file. Returns the name given. */
  upTo(end: number, name: string, coverage: Coverage): string {
    const count = (this.#names.get(name) ?? 0) + 1;
    const stop = Math.min(Math.max(this.#at, end), this.#size);
    if (stop === this.#at) return name;
    this.#names.set(name, count);
    const unique = count === 1 ? name : `${name}#${count}`;
    this.regions.push({ name: unique, start: this.#at, end: stop, coverage });
    this.#at = stop;
    return unique;
  }

  /** Everything that is left. */
  rest(name: string, coverage: Coverage): void {
    this.upTo(this.#size, name, coverage);
  }
}
