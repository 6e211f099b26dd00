/**
 * What can happen in a run, as it stands in the record. One union, one place: the lifecycle writes these, and the
 * table, Allure and the evidence package are made from nothing else.
 */

import type { Answer, Delivery, FirmwareState, Stage } from '../capabilities.ts';
import type { Verdict } from '../verdict.ts';

/** How much of each case is tried, from a glance to everything. */
export const depths = ['smoke', 'standard', 'full'] as const;
export type Depth = (typeof depths)[number];

/** How a person agreed to stimuli that may cost the device: asked at the terminal, or by the option beforehand. */
export type HarmAcceptance = 'terminal' | '--yes';

/** A digest with the name of what was digested. Lower-case hex SHA-256. */
export interface NamedDigest {
  name: string;
  sha256: string;
}

/** A file kept beside the record, as `payloads/<sha256>`. */
export interface StoredPayload extends NamedDigest {
  bytes: number;
  mediaType: string;
}

/** A file that went into a run, by its path from the board file. Lower-case hex SHA-256 of its bytes. */
export interface NamedFile {
  file: string;
  sha256: string;
}

/** An image by its digest, and whether a stranger finds its bytes beside the record. */
export interface KeptImage extends NamedDigest {
  /** True when `payloads/<sha256>` holds it. Absent, with `notKept`, in records of earlier versions. */
  kept?: boolean;
  /** Why its bytes are not there: then its digest, and the note on how it was made, stand for it. */
  notKept?: string;
}

export interface Finding {
  /** Kebab-case, stable: `forged-image-installed`. */
  code: string;
  expected: string;
  observed: string;
}

/** A measured value with its limits and its uncertainty, all in `unit`. */
export interface Measurement {
  name: string;
  value: number;
  unit: string;
  limit?: number;
  uncertainty?: number;
}

/** A phase over which power was cut, with how densely. */
export interface SweptPhase {
  name: string;
  /** As measured once, undisturbed. */
  lengthMs: number;
  planned: number;
  landed: number;
  /** Percent: 100 less the longest stretch without a cut; 0 for a phase that no cut hit. */
  coverage: number;
}

/** One power cut of a sweep. Milliseconds count from the start of its phase. */
export interface SweptPoint {
  phase: string;
  plannedMs: number;
  landedMs: number;
  /** False when the phase was over by then. */
  inTime: boolean;
  /** What the device was afterwards, in the words of the case: `old`, `new on trial`, `not back`. */
  outcome: string;
  /** Why it was made here: spread over the phases, where the behaviour changed, or by chance. */
  chosen: 'spread' | 'between' | 'random';
}

/** Power cuts over the phases of an update or a revert. */
export interface Sweep {
  /** What was cut: `update`, `revert`. */
  of: string;
  seed: string;
  phases: readonly SweptPhase[];
  /** In the order in which they were made. */
  points: readonly SweptPoint[];
}

/** A violation that somebody knows of and answers for, until a day. */
export interface KnownViolation {
  case: string;
  /** Codes of the findings that are known; any other is new. */
  findings: readonly string[];
  reason: string;
  agreedBy: string;
  /** `2026-12-31`: the last day, in UTC, on which it counts as known. */
  expires: string;
}

/** The list of a board, as it was when the run began. */
export interface KnownList {
  file: string;
  sha256: string;
  violations: readonly KnownViolation[];
}

/** Payload by kind of event. Every entry also carries seq, time, case id and step (see `record.ts`). */
export interface RunEvents {
  /** First entry of every run: what it is bound to. */
  'run-opened': {
    runId: string;
    harness: string;
    /** Of the code that runs: harness, drivers, suites, reports. Absent in records of earlier versions. */
    build?: string;
    node: string;
    platform: string;
    catalogue: { version: string; sha256: string };
    /** The digest covers the board file and, behind it, the profile's file where that is a file of its own. */
    board: { name: string; title: string; file: string; sha256: string; profile?: NamedFile };
    declaration: NamedFile;
    device: Readonly<Record<string, string>>;
    images: readonly KeptImage[];
    /**
     * What the run was made with, as it was read: `board.yaml`, `profile.yaml`, `module/profile.ts`, `environment.json` (all with
     * secrets blanked), `declaration.yaml`, `catalogue/cases.yaml` and its siblings, `plan.json`. Absent in records of
     * earlier versions.
     */
    inputs?: readonly StoredPayload[];
    /** Fingerprint of the key that is to sign the close; absent where the bench had none. */
    benchKey?: string;
    command: readonly string[];
    /** Names of faults that the operator switched on in a simulated device; part of the account, unseen by suites. */
    defects: readonly string[];
    selected: readonly string[];
    /** How much of each case is tried. */
    depth: Depth;
    /** True when each attack image goes through every way in. */
    everyIngress: boolean;
    /** Power cuts of a sweep. */
    cuts: number;
    /** Master seed of everything random in this run, hex. */
    seed: string;
    /** Cases that the selection names and the depth leaves out. */
    leftOut: readonly string[];
    /** Known violations of this board; absent where it has no list. */
    known?: KnownList;
    /** Stimuli that may cost the device and were allowed, and how a person agreed to them; absent where none had to. */
    harmAccepted?: { stimuli: readonly string[]; by: HarmAcceptance };
  };
  /**
   * The run went on after an interruption, in a new process. Cases with a final verdict keep it; `again` names those that
   * had begun, and why each is started anew.
   */
  'run-resumed': {
    command: readonly string[];
    decided: readonly string[];
    again: readonly { id: string; why: string }[];
    /** From the last entry before the interruption, by the wall clock. */
    gapMs: number;
    harmAccepted?: { stimuli: readonly string[]; by: HarmAcceptance };
  };
  /** Opening, closing, power, lock, loss of a wire, recovery: what the bench did. */
  bench: {
    action: string;
    wire?: string;
    ok: boolean;
    tookMs?: number;
    detail?: string;
    /** Of what the action brought, where that is kept beside the record. */
    sha256?: string;
  };
  /** What the device said it is, and whether it is what the declaration says. */
  identity: { read: Readonly<Record<string, string>>; matches: boolean; differences: readonly string[] };
  'case-started': { title: string; suite: string; severity: string };
  'step-started': { name: string };
  'step-ended': { name: string; ok: boolean; tookMs: number; detail?: string };
  /** A stimulus about to be sent: what it is and how it differs from what the device accepts. */
  stimulus: { name: string; rationale: string; ingress?: string; image?: KeptImage; bytes?: number };
  answer: { of: string; answer: Answer };
  /** Where a device refused an image: proof of how much of it had arrived, and what was declared. */
  refusal: {
    of: string;
    ingress: string;
    /** Absent where it cannot be told. */
    stage?: Stage;
    declared: readonly Stage[];
    reason?: string;
    delivery?: Delivery;
  };
  state: { when: string; state: FirmwareState };
  /** A control: a legitimate operation that must succeed. */
  control: { name: string; when: 'before' | 'after' | 'twin'; accepted: boolean; detail: string };
  /** An image of the stock for controls is about to be used; none is used twice. */
  'stock-taken': { image: NamedDigest; left: number };
  measurement: Measurement;
  /** Seen, and on the disk before the case goes on: an interruption must not make it unseen. */
  finding: Finding;
  /** An earlier finding that turned out not to be the device's doing. */
  'finding-withdrawn': Finding;
  /** Written once a sweep of power cuts has ended, however it did. */
  sweep: Sweep;
  note: { text: string };
  /** A case's verdict. A later one for the same case replaces it; `provisional` ones await the batch's closing control. */
  verdict: {
    verdict: Verdict;
    provisional: boolean;
    /** The reason, whole, for a person: first line of every report. */
    reason: string;
    findings: readonly Finding[];
    tookMs: number;
    attempt: number;
    /** True when the end of the run took the case's chance: a resumed run starts it again. */
    interrupted?: boolean;
    /** Attack images of this case that the depth left out; absent: none. */
    imagesLeftOut?: number;
  };
  /** A cause on which later cases depend: the board is poisoned. */
  poisoned: { cause: string; byCase: string };
  'run-closed': {
    verdict: Verdict;
    counts: Readonly<Record<Verdict, number>>;
    tookMs: number;
    interrupted: boolean;
    /** Attack images that the depth left out, over all cases; absent: none. */
    imagesLeftOut?: number;
    finalState?: FirmwareState;
  };
}
export type RunEventKind = keyof RunEvents;
