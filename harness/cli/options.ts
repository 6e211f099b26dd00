/** What the command line hands to its commands. */

import type { ReportingOptions } from './reporting.ts';
import type { Depth } from '../lifecycle/run.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  json?: boolean;
  verbose?: boolean;
}

/** Options of `run` and `plan`. */
export interface RunOptions extends GlobalOptions, ReportingOptions {
  suite: string[];
  case: string[];
  defect: string[];
  out?: string;
  depth: Depth;
  /** `all`: each attack image through every way in. */
  ingress: 'primary' | 'all';
  /** Go on with what may cost the device, unasked. */
  yes?: boolean;
  /** Power cuts of a sweep. */
  cuts: number;
  /** Deadline of the whole run, in minutes. */
  within: number;
  /** Keeps runs of one simulated board apart; empty for everything real. */
  lane: string;
  /** Goes on with an interrupted run: the one in this folder, or the newest of the board. */
  resume?: string | true;
  /** Names of the options that the command line gives, among those with a default. */
  given: readonly string[];
  /** Make the HTML reports. */
  report: boolean;
  /** Address of a time-stamping authority (RFC 3161). */
  authority?: string;
  /** Key that signs the close of the record. */
  benchKey?: string;
}
