/**
 * Authenticated messages as the declaration describes them, and the triple of every replay case:
 * legitimate accepted → attack without effect → next legitimate accepted.
 */

import {
  auditMarker,
  buildMessage,
  everyOne,
  mustBeAudited,
  NotExecuted,
  say,
  type CaseContext,
  type CommandsDeclaration,
  type Commands,
} from '../../harness/index.ts';
import { EffectWatch } from './effect.ts';

/** Commands that carry a code, and a counter or a time. */
export type Authenticated = Extract<CommandsDeclaration, { mechanism: 'authenticated-messages' }>;

/** What a legitimate sender puts into one message. */
export interface MessageFields {
  counter: number;
  /** UTC, milliseconds since 1970. */
  timestampMs: number;
  code: number;
  value: number;
}

/** How one message was met whose time is not that of now. */
export interface Probe {
  obeyed: boolean;
  /** By the device's own word, and without effect. */
  refused: boolean;
  /** From its sealing to the answer: so much may it have aged on its way. */
  tookMs: number;
}

/** A legitimate sender that knows the key, and keeps the counter. */
export class Sender {
  readonly #t: CaseContext;
  readonly #commands: Commands;
  readonly #declared: Authenticated;
  readonly #key: Uint8Array;
  /** What this sender's commands act upon; attacks that are not sent by it are told here. */
  readonly effect: EffectWatch;
  #counter: number;

  private constructor(
    t: CaseContext,
    parts: { commands: Commands; declared: Authenticated; key: Uint8Array; counter: number },
  ) {
    this.#t = t;
    this.#commands = parts.commands;
    this.effect = new EffectWatch(t, parts.commands);
    this.#declared = parts.declared;
    this.#key = parts.key;
    this.#counter = parts.counter;
  }

  /**
   * A sender in step with the device's counter.
   *
   * @throws Nonconformity when the declaration says that commands are not protected at all: a mandatory mechanism is missing
   */
  static async create(t: CaseContext): Promise<Sender> {
    const commands = t.need(t.device.commands, 'command channel');
    const declared = t.need(t.declaration.commands, 'declaration of commands');
    if (declared.mechanism === 'none') {
      t.violates({
        code: 'no-replay-protection',
        expected: 'a declared mechanism against replay',
        observed: 'a declaration that names none',
      });
    }
    if (declared.mechanism === 'service-off') {
      t.inconclusive(
        'no-commands',
        'the declaration says that commands are off: there is no message to replay',
      );
    }
    const key = t.need(t.run.keys.get('commands'), 'key "commands"');
    const counter = (await commands.readCounter?.()) ?? 0;
    return new Sender(t, { commands, declared, key, counter });
  }

  get declared(): Authenticated {
    return this.#declared;
  }

  get counter(): number {
    return this.#counter;
  }

  /**
   * For attacks on one field: without it, the forged message would be a legitimate one.
   *
   * @throws NotExecuted when messages carry no such field
   */
  mustCarry(name: 'counter' | 'timestamp'): void {
    if (this.#declared.layout.fields.some((field) => field.name === name)) return;
    throw new NotExecuted('no-such-field', `the declared messages carry no ${name}`, {
      hint: 'If another mechanism protects them, say so under notApplicable: of the declaration.',
    });
  }

  /** Largest value of the counter's field. */
  get largestCounter(): number {
    const type = this.#declared.layout.fields.find(({ name }) => name === 'counter')?.type ?? 'u32';
    const bits = Number(type.slice(1)) - (type.startsWith('i') ? 1 : 0);
    return Math.min(2 ** bits - 1, Number.MAX_SAFE_INTEGER);
  }

  /** The next fields that the device must accept: counter one higher, time now, value 1 added. */
  next(): MessageFields {
    return {
      counter: this.#counter + 1,
      timestampMs: Date.now(),
      code: this.#t.need(this.#declared.actions['add'], 'command code "add" in the declaration'),
      value: 1,
    };
  }

  /** The bytes of a message with a right MAC. */
  sealed(fields: MessageFields): Uint8Array {
    const { layout } = this.#declared;
    const known = { counter: fields.counter, code: fields.code, value: fields.value };
    const values = layout.fields.map((field): [string, number] => {
      if (field.constant !== undefined) return [field.name, field.constant];
      if (field.name === 'timestamp') return ['timestamp', inUnit(fields.timestampMs, field.unit ?? 'ms')];
      return [field.name, known[field.name as keyof typeof known]];
    });
    return buildMessage(layout, Object.fromEntries(values), this.#key);
  }

  /** The next legitimate message with the authentication code of another: what a replayer without the key can make. */
  renewed(recorded: Uint8Array): Uint8Array {
    const macBytes = this.#declared.layout.mac.bytes;
    const fresh = this.sealed(this.next());
    return Buffer.concat([fresh.subarray(0, -macBytes), recorded.subarray(-macBytes)]);
  }

  /**
   * Sends a legitimate message that must be accepted and have its effect.
   *
   * @param when `before` and `after` the attack
   * @returns the bytes as they were sent
   */
  async mustAccept(when: 'before' | 'after', what = 'legitimate command'): Promise<Uint8Array> {
    const t = this.#t;
    const fields = this.next();
    let bytes: Uint8Array = new Uint8Array();
    // Sealed at the last moment: the time that our own questions take must not age it.
    const seal = (): Uint8Array => (bytes = this.sealed({ ...fields, timestampMs: Date.now() }));
    const before = await this.effect.before(`${what} ${when} the attack`);
    const sent = this.effect.begins();
    const answer = t.answered(`${what} ${when} the attack`, await this.#commands.send(seal()));
    const wanted = before + fields.value;
    const after =
      answer.kind === 'accepted'
        ? await this.effect.awaited((effect) => effect === wanted, sent)
        : await this.effect.after();
    const accepted = answer.kind === 'accepted' && after === wanted;
    t.control(what, when, accepted, `${say(answer)}; effect ${before} → ${after}`);
    if (accepted) {
      this.#counter = fields.counter;
      return bytes;
    }
    const observed = `${say(answer)}; effect ${before} → ${after}`;
    if (when === 'before') {
      t.inconclusive('control-before-failed', `a legitimate command was ${observed}`);
    }
    // Only the device's own no, or a yes without effect, speaks against it. A lost reply is no refusal.
    if (answer.kind !== 'refused' && answer.kind !== 'accepted') {
      t.inconclusive('control-after-failed', `the next legitimate command was ${observed}`);
    }
    return t.violates({
      code: 'legitimate-refused-after-attack',
      expected: 'the next legitimate command to be accepted after the attack',
      observed,
    });
  }

  /** Sends something that must have no effect, and demands the refusal's audit event. */
  async mustNotObey(name: string, rationale: string, bytes: Uint8Array): Promise<void> {
    const t = this.#t;
    t.stimulus({ name, rationale, bytes: bytes.length });
    const marker = await auditMarker(t);
    const before = await this.effect.before(name);
    this.effect.attacked(name, this.effect.begins());
    const answer = t.answered(name, await this.#commands.send(bytes));
    const after = await this.effect.after();
    t.stimulusDelivered = true;
    if (after !== before) {
      t.violates({
        code: 'replay-took-effect',
        expected: `${name} to have no effect: ${rationale}`,
        observed: `${say(answer)}; effect ${before} → ${after}`,
      });
    }
    if (answer.kind === 'accepted') {
      t.violates({
        code: 'misreport',
        expected: `${name} to be refused`,
        observed: 'the device said that it accepted the message, though it had no effect',
      });
    }
    const audited = await mustBeAudited(t, 'commandRefused', marker);
    await this.effect.mustStayStill();
    if (answer.kind === 'refused' || answer.kind === 'closed') return;
    // Silence, garbage and a lost wire are no refusals; only the device's own log can say that the message came.
    if (audited === 'logged') {
      t.note(`conceptual: the answer to ${name} was ${say(answer)}, without effect, and it was logged`);
      return;
    }
    t.inconclusive(
      'no-answer',
      `the answer to ${name} was ${say(answer)}: without effect, but nothing shows that it came`,
    );
  }

  /** The look at the end of a case, before the next legitimate command: what was refused may still be obeyed late. */
  async mustNotObeyLate(): Promise<void> {
    await this.#t.step('watch for late effects', () => this.effect.mustStayStillForItsTime());
  }

  /** One fresh message of this age, negative for the future; a refused one does not move the counter. */
  async probe(ageMs: number): Promise<Probe> {
    const fields = this.next();
    const name =
      ageMs < 0 ? `probe dated ${(-ageMs).toFixed(0)} ms ahead` : `probe aged ${ageMs.toFixed(0)} ms`;
    const before = await this.effect.before(name);
    const sent = this.effect.begins();
    const bytes = this.sealed({ ...fields, timestampMs: Date.now() - ageMs });
    const answer = this.#t.answered(name, await this.#commands.send(bytes));
    const tookMs = sent.elapsedMs;
    // Its no is taken at its word for now; if it obeys all the same, it does so late, and that is watched.
    const refused = answer.kind === 'refused';
    if (refused) this.effect.attacked(name, sent);
    const after = refused
      ? await this.effect.after()
      : await this.effect.awaited((effect) => effect !== before, sent);
    const obeyed = after !== before;
    if (obeyed || answer.kind === 'accepted') this.#counter = fields.counter;
    return { obeyed, refused: refused && !obeyed, tookMs };
  }

  /** What a timestamp is rounded down to. */
  get timestampStepMs(): number {
    const unit = this.#declared.layout.fields.find(({ name }) => name === 'timestamp')?.unit ?? 'ms';
    return { s: 1000, ms: 1, us: 1 }[unit]; // our own clock has no finer step than 1 ms
  }
}

/** A time of day in the declared unit of a timestamp field. */
function inUnit(ms: number, unit: 's' | 'ms' | 'us'): number {
  const perMs = { s: 0.001, ms: 1, us: 1000 } as const;
  return Math.floor(ms * perMs[unit]);
}

/** The triple around one attack. */
export async function triple(
  t: CaseContext,
  attack: (sender: Sender, legitimate: Uint8Array) => Promise<void>,
): Promise<void> {
  const sender = await Sender.create(t);
  const legitimate = await t.step('legitimate command', () => sender.mustAccept('before'));
  await attackAndWatch(t, sender, () => attack(sender, legitimate));
  await t.step('next legitimate command', () => sender.mustAccept('after'));
}

/** An attack that decides nothing must not keep a late effect from being seen. */
export async function attackAndWatch(
  t: CaseContext,
  sender: Sender,
  attack: () => Promise<void>,
): Promise<void> {
  const inTurn = [() => t.step('attack', attack), () => sender.mustNotObeyLate()];
  await everyOne(t, inTurn, (part) => part());
}
