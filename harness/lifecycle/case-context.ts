/**
 * What the body of a case holds in its hands: the device, the declaration, the images, and a pen for the record.
 * Everything that a case says about the device goes through here, so that the record is complete by construction.
 */

import type { Answer, Device, FirmwareImage, FirmwareState } from '../capabilities.ts';
import { Deadline } from '../clock.ts';
import { Inconclusive, Nonconformity, NotExecuted } from '../errors.ts';
import type { Finding, Measurement, RunEventKind, RunEvents } from '../record/events.ts';
import { bootsWithinMs, type Run } from './run.ts';

/** A measured time with what it may be wrong by, both in milliseconds. */
export interface Timing {
  valueMs: number;
  uncertaintyMs: number;
}

/** One alteration of something legitimate, ready to be sent. */
export interface Stimulus {
  name: string;
  /** Why a conforming device must not accept it. */
  rationale: string;
  ingress?: string;
  image?: FirmwareImage;
  bytes?: number;
}

export class CaseContext {
  /** Empty for what the bench does between the cases. */
  readonly id: string;
  readonly run: Run;
  readonly attempt: number;
  /** Findings so far; more than one may be collected before the case ends. */
  readonly findings: Finding[] = [];
  readonly notes: string[] = [];
  /** The two legs of the rule "dead, or bench fault?": a legitimate operation was accepted, the stimulus arrived. */
  controlAccepted = false;
  stimulusDelivered = false;
  #step: string | undefined;
  #ended = false;
  #leftOut = 0;

  constructor(run: Run, id: string, attempt = 1) {
    this.run = run;
    this.id = id;
    this.attempt = attempt;
  }

  get device(): Device {
    return this.run.device;
  }

  get declaration(): Run['declaration'] {
    return this.run.declaration;
  }

  /** What the declaration says of updates. */
  get update(): NonNullable<Run['declaration']['update']> {
    return this.need(this.declaration.update, 'declaration of updates (update: in the declaration)');
  }

  /** How long to wait from reset to a device that does its job. */
  get bootsWithinMs(): number {
    return bootsWithinMs(this.run);
  }

  /** What is declared of that time: it may be held against a device. */
  get declaredBootMs(): number {
    return this.declaration.update?.bootsWithinMs ?? this.bootsWithinMs;
  }

  /** No more steps, stimuli or readings: whatever the body still tries after this is refused. */
  end(): void {
    this.#ended = true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  #mustBeRunning(): void {
    if (this.#ended)
      throw new NotExecuted('ended', `${this.id} has ended; nothing more may be done in its name`);
  }

  /** Writes one entry to the record, under this case and its current step. */
  write<Kind extends RunEventKind>(kind: Kind, payload: RunEvents[Kind]): void {
    this.run.record.append(kind, payload, {
      ...(this.id === '' ? {} : { caseId: this.id }),
      attempt: this.attempt,
      ...(this.#step === undefined ? {} : { step: this.#step }),
    });
  }

  /** One step in the life of the case; nested steps are not allowed to hide each other. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#mustBeRunning();
    const outer = this.#step;
    this.#step = name;
    const clock = new Deadline(0);
    this.write('step-started', { name });
    try {
      const result = await work();
      this.#mustBeRunning();
      this.write('step-ended', { name, ok: true, tookMs: clock.elapsedMs });
      return result;
    } catch (error) {
      this.write('step-ended', {
        name,
        ok: false,
        tookMs: clock.elapsedMs,
        detail: error instanceof Error ? error.message : String(error),
      });
      throw error;
    } finally {
      this.#step = outer;
    }
  }

  stimulus(stimulus: Stimulus): void {
    this.#mustBeRunning();
    this.write('stimulus', {
      name: stimulus.name,
      rationale: stimulus.rationale,
      ...(stimulus.ingress === undefined ? {} : { ingress: stimulus.ingress }),
      ...(stimulus.image === undefined
        ? {}
        : {
            image: this.run.record.keepImage(stimulus.image),
            bytes: stimulus.image.bytes.length,
          }),
      ...(stimulus.bytes === undefined ? {} : { bytes: stimulus.bytes }),
    });
  }

  answered(of: string, answer: Answer): Answer {
    this.#mustBeRunning();
    this.write('answer', { of, answer });
    return answer;
  }

  sawState(when: string, state: FirmwareState): FirmwareState {
    this.#mustBeRunning();
    this.write('state', { when, state });
    return state;
  }

  control(name: string, when: 'before' | 'after' | 'twin', accepted: boolean, detail: string): void {
    this.write('control', { name, when, accepted, detail });
    if (accepted) this.controlAccepted = true;
  }

  measure(measurement: Measurement): void {
    this.write('measurement', measurement);
  }

  /** A remark that belongs into the report beside the verdict: a term not observable, a weak control. */
  note(text: string): void {
    if (this.notes.includes(text)) return;
    this.notes.push(text);
    this.write('note', { text });
  }

  /** So many attack images are left to a deeper run; a later attempt of the case counts anew. */
  leaveOut(images: number): void {
    this.#leftOut += images;
    this.run.imagesLeftOut.set(this.id, this.#leftOut);
    this.note(`${images} more attacks are left to a deeper run (--depth)`);
  }

  /** Keeps a finding against the device and goes on; the case violates in the end. */
  found(finding: Finding): void {
    this.findings.push(finding);
    this.write('finding', finding);
  }

  /** It was not the device's doing, as the case has found out. */
  withdraw(finding: Finding): void {
    this.findings.splice(this.findings.indexOf(finding), 1);
    this.write('finding-withdrawn', finding);
  }

  /** Ends the case: the device violates. */
  violates(finding: Finding): never {
    throw new Nonconformity(finding);
  }

  /** Ends the case: what was seen does not decide. */
  inconclusive(code: string, reason: string): never {
    throw new Inconclusive(code, reason);
  }

  /** An image of the board file by its key (`golden`, `older` …). */
  image(name: string): FirmwareImage {
    const image = this.run.images.get(name);
    if (image === undefined) {
      throw new NotExecuted('input-missing', `the board file names no image "${name}"`, {
        hint: `Ask the vendor for it and add it under images: ${name}.`,
      });
    }
    return image;
  }

  /** A capability that the case cannot do without. */
  need<T>(capability: T | undefined, what: string): T {
    if (capability === undefined) {
      throw new NotExecuted('capability-missing', `this board has no ${what}`, {
        hint: `Describe it in the board file's profile, or leave the case out with --case.`,
      });
    }
    return capability;
  }

  /**
   * Holds a measured time against its limit. A difference inside the uncertainty is inconclusive.
   *
   * @throws Nonconformity beyond doubt too late; Inconclusive when it cannot be told
   */
  mustBeWithin(name: string, timing: Timing, limitMs: number, finding: Omit<Finding, 'observed'>): void {
    this.measure({
      name,
      value: timing.valueMs,
      unit: 'ms',
      limit: limitMs,
      uncertainty: timing.uncertaintyMs,
    });
    const said = `${timing.valueMs.toFixed(0)} ms ± ${timing.uncertaintyMs.toFixed(0)} ms`;
    if (timing.valueMs - timing.uncertaintyMs > limitMs) this.violates({ ...finding, observed: said });
    if (timing.valueMs + timing.uncertaintyMs > limitMs) {
      this.inconclusive(
        'inside-uncertainty',
        `${name}: ${said} cannot be told from the limit of ${limitMs} ms`,
      );
    }
  }
}
