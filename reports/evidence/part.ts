/** What an evidence package is put together from: files, each made from the record of one run. */

import type { Catalogue } from '../../harness/catalogue/index.ts';
import type { RunModel } from '../../harness/record/run-model.ts';

/** One file of the package. */
export interface PackagePart {
  /** Inside the package: forward slashes, printable ASCII, no leading slash, no `..`. */
  path: string;
  mediaType: string;
  /** What it is and who would want it, one sentence; stands in the manifest. */
  about: string;
  /** Bytes in memory, or a file of any size that is read in pieces. */
  content: { bytes: Uint8Array } | { file: string };
  /**
   * Folders of the package of which it repeats contents, such as `wire` for a report with transcripts: where those
   * are withheld, so is this.
   */
  repeats?: readonly string[];
}

/** What every part is made from. */
export interface EvidenceSource {
  /** Folder of the run: `record.jsonl`, `seal.json`, `wire/`, `payloads/`. */
  runDir: string;
  /** The run, from its record. */
  model: RunModel;
  /** The catalogue of the version that the run names. */
  catalogue: Catalogue;
}

/** Makes some of a package's parts: OSCAL, JUnit, captures, statements … The same record gives the same bytes. */
export type MakeParts = (source: EvidenceSource) => Promise<readonly PackagePart[]> | readonly PackagePart[];
