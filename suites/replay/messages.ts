/**
 * Authenticated messages as the declaration describes them, and the triple of every replay case:
 * legitimate accepted → attack without effect → next legitimate accepted.
 */

import {
  auditMarker,
  buildMessage,
  mustBeAudited,
  NotExecuted,
  say,
  type Answer,
  type CaseContext,
  type CommandsDeclaration,
  type Commands,
} from '../../harness/index.ts';

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

/** A legitimate sender that knows the key, and keeps the counter. */
export class Sender {
  readonly #t: CaseContext;
  readonly #commands: Commands;
  readonly #declared: Authenticated;
  readonly #key: Uint8Array;
  #counter: number;
  /** The effect after the last exchange: nothing but an exchange may move it. */
  #known: number | undefined;

  private constructor(
    t: CaseContext,
    parts: { commands: Commands; declared: Authenticated; key: Uint8Array; counter: number },
  ) {
    this.#t = t;
    this.#commands = parts.commands;
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
    const { answer, before, after } = await this.#sendAndSee(`${what} ${when} the attack`, seal);
    const accepted = answer.kind === 'accepted' && after === before + fields.value;
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
    const { answer, before, after } = await this.#sendAndSee(name, () => bytes);
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
    this.#mustNotHaveMoved(await this.#commands.readEffect(), `a while after ${name}`);
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

  /** A restart may bring the effect back to its first value: what was known before it says nothing any more. */
  restarted(): void {
    this.#known = undefined;
  }

  /** True when a message of this age is obeyed; a refused probe does not move the counter. */
  async isObeyed(ageMs: number): Promise<boolean> {
    const fields = this.next();
    const { answer, before, after } = await this.#sendAndSee(`probe aged ${ageMs.toFixed(0)} ms`, () =>
      this.sealed({ ...fields, timestampMs: Date.now() - ageMs }),
    );
    if (after !== before || answer.kind === 'accepted') this.#counter = fields.counter;
    return after !== before;
  }

  async #sendAndSee(
    of: string,
    message: () => Uint8Array,
  ): Promise<{ answer: Answer; before: number; after: number }> {
    const before = await this.#commands.readEffect();
    this.#mustNotHaveMoved(before, `before ${of}`);
    const answer = this.#t.answered(of, await this.#commands.send(message()));
    const after = await this.#commands.readEffect();
    this.#known = after;
    return { answer, before, after };
  }

  /** An effect that comes between two exchanges is that of the one before: obeyed late is obeyed. */
  #mustNotHaveMoved(effect: number, when: string): void {
    const known = this.#known;
    if (known === undefined || known === effect) return;
    this.#known = effect;
    this.#t.violates({
      code: 'effect-came-late',
      expected: `the effect to stay at ${known} while nothing legitimate is sent`,
      observed: `${effect} ${when}`,
    });
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
  await t.step('attack', () => attack(sender, legitimate));
  await t.step('next legitimate command', () => sender.mustAccept('after'));
}
