/**
 * The transport: requests in, fitting answers out, over a link that may die at any time.
 *
 * - An answer is handed on only when transaction (TCP), unit, function, length and repeated fields fit the request.
 * - RTU has one request in flight. After a timeout or a broken frame the line must rest for `quietMs`, so that a late
 *   answer is thrown away instead of being taken for the next one's. Two requests are t3.5 apart. An answer can be
 *   later than that, and RTU has nothing to tell it by: so the first answer of the same function after a timeout is
 *   held until nothing else has come for `replyWithinMs`, and the last that came is the right one (`OwedAnswers`).
 * - TCP matches by transaction. After a timeout nothing more is sent on that connection; when its last request is
 *   settled it is closed, and the next request makes a fresh one.
 * - A request in flight is rejected at once when the link dies. A TCP peer that closes an idle connection has done
 *   nothing wrong: that is an event in the record, and the next request connects again. A loss is reported once, until
 *   an answer has come again: when the link dies with a request in flight, when a connection is refused after the
 *   device has answered before, when a serial port vanishes. After the device's power was cut on purpose nothing is
 *   reported, until it has answered again.
 */

import { monotonicMs } from '../../harness/clock.ts';
import { type WireLog } from '../../harness/driver.ts';
import { type BenchError, type FrameError, type PortError } from '../../harness/errors.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { type Exchange } from './exchange.ts';
import { expectedAnswerBytes, misfit, RTU_MAX_BYTES, UNIT_BYTES } from './frames.ts';
import { EXCEPTION_BIT, functionName } from './functions.ts';
import { LineRest } from './line-rest.ts';
import { OwedAnswers } from './owed-answers.ts';
import * as say from './session-errors.ts';
import { type Framing, type FrameSink } from './transports/framing.ts';
import { LinkKeeper } from './transports/link-keeper.ts';
import { type Connector } from './transports/link.ts';

export interface SessionSettings {
  /** `modbus-tcp gateway`, for messages. */
  who: string;
  replyWithinMs: number;
  connectWithinMs: number;
  inFlight: number;
  /** Rest of the line after a timeout or a broken frame; 0 where answers name their request. */
  quietMs: number;
  /** t3.5: least silence between two frames on a serial line; 0 where there is none. */
  frameGapMs: number;
  /** Time of one character on the line, for the deadline of long frames; 0 over TCP. */
  characterMs: number;
}

export interface SessionHost {
  wire: WireLog;
  /** Once per loss. */
  lost(cause: BenchError): void;
}

const TRANSACTIONS = 0x10000;

export class Session {
  readonly #settings: SessionSettings;
  readonly #host: SessionHost;
  readonly #framing: Framing;
  readonly #keeper: LinkKeeper;
  readonly #queue: Exchange[] = [];
  readonly #flying = new Map<number, Exchange>();
  readonly #deadlines = new DeadlineTimer(() => this.#onDeadline());
  readonly #rest: LineRest;
  readonly #owed = new OwedAnswers();
  #state: 'closed' | 'open' | 'lost' = 'closed';
  /** Set after a TCP timeout: nothing more is sent on this connection. */
  #retiring = false;
  #nextId = 1;
  #lossReported = false;
  #lossExpected = false;
  /** Whether the device has answered since `open`. */
  #answered = false;

  constructor(
    settings: SessionSettings,
    connector: Connector,
    host: SessionHost,
    makeFraming: (sink: FrameSink) => Framing,
  ) {
    this.#settings = settings;
    this.#host = host;
    this.#framing = makeFraming({
      frame: (id, bytes) => this.#onFrame(id, bytes),
      broken: (error) => this.#onBroken(error),
      discarded: (what) => host.wire.event(`${what} (late, repeated, or another master's)`),
    });
    this.#keeper = new LinkKeeper(connector, settings.connectWithinMs, host.wire, {
      received: (chunk) => this.#onBytes(chunk),
      died: (cause) => this.#onDied(cause),
    });
    this.#rest = new LineRest(settings.quietMs + settings.replyWithinMs, () => this.#pump());
  }

  get state(): 'closed' | 'open' | 'lost' {
    return this.#state;
  }

  /** @throws PortError when a port of the bench's own cannot be opened; TCP connects at the first request */
  async open(): Promise<void> {
    if (this.#state !== 'closed') throw say.alreadyOpen(this.#settings.who);
    this.#lossReported = false;
    this.#lossExpected = false;
    this.#answered = false;
    this.#state = 'open';
    if (this.#keeper.connector.remote) return;
    try {
      await this.#keeper.connect();
    } catch (error) {
      this.#state = 'closed';
      throw error;
    }
  }

  async close(): Promise<void> {
    const wasOpen = this.#state !== 'closed';
    this.#state = 'closed';
    this.#rest.stop();
    this.#deadlines.stop();
    this.#newStream();
    if (wasOpen) this.#failAll(say.closedMeanwhile(this.#settings.who));
    await this.#keeper.close();
  }

  /** Bench side only: is our end in order? @throws DriverError, PortError */
  async check(): Promise<void> {
    if (this.#state === 'closed') throw say.notOpen(this.#settings.who);
    await this.#keeper.connector.check();
  }

  /** The device lost or got power on purpose: what dies now is no loss. */
  devicePowerChanged(on: boolean): void {
    if (on || this.#state === 'closed') return;
    this.#lossExpected = true;
    this.#owed.settled();
    this.#failFlying(say.deviceOff(this.#settings.who));
    if (this.#keeper.connector.remote) this.#dropLink();
    this.#settled();
  }

  /** Takes a request; it is settled exactly once, whatever happens. */
  submit(exchange: Exchange): void {
    if (this.#state === 'closed') {
      exchange.failed(say.notOpen(this.#settings.who));
    } else if (this.#queue.length === 0 && this.#mayGo() && this.#rest.leftMs === 0) {
      this.#send(exchange);
    } else {
      this.#queue.push(exchange);
      this.#pump();
    }
  }

  // ------------------------------------------------------------------------------------------------ towards the wire

  #mayGo(): boolean {
    return this.#keeper.link !== undefined && !this.#retiring && this.#flying.size < this.#settings.inFlight;
  }

  #pump(): void {
    while (this.#queue.length > 0) {
      if (this.#keeper.link === undefined) {
        if (!this.#keeper.connecting) void this.#connect();
        return;
      }
      if (!this.#mayGo()) return;
      if (this.#rest.leftMs > 0) {
        const waitedMs = this.#rest.wait();
        if (waitedMs !== undefined)
          this.#queue.shift()!.failed(say.lineNotSilent(this.#settings.who, waitedMs));
        return;
      }
      this.#rest.over();
      this.#send(this.#queue.shift()!);
    }
  }

  #send(exchange: Exchange): void {
    while (this.#flying.has(this.#nextId)) this.#nextId = (this.#nextId + 1) % TRANSACTIONS;
    exchange.id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % TRANSACTIONS;
    const frame = this.#framing.encode(exchange);
    exchange.dueAtMs = monotonicMs() + this.#settings.replyWithinMs + this.#lineMs(exchange, frame.length);
    this.#flying.set(exchange.id, exchange);
    this.#deadlines.atLatest(exchange.dueAtMs);
    this.#host.wire.sent(frame);
    this.#keeper.link!.write(frame);
  }

  /** Time that request and answer take on a serial line by themselves. */
  #lineMs(exchange: Exchange, requestBytes: number): number {
    if (this.#settings.characterMs === 0) return 0;
    const answer = expectedAnswerBytes(exchange.pdu);
    const answerBytes = answer === undefined ? RTU_MAX_BYTES : answer + this.#framing.overheadBytes;
    return (requestBytes + answerBytes) * this.#settings.characterMs;
  }

  async #connect(): Promise<void> {
    try {
      if (!(await this.#keeper.connect())) return;
      this.#state = 'open';
      this.#pump();
    } catch (error) {
      // A device that has not answered yet may still be booting: nothing has been lost.
      if (this.#answered) this.#report(error as BenchError);
      this.#failAll(error as BenchError);
    }
  }

  // --------------------------------------------------------------------------------------------------- from the wire

  #onBytes(chunk: Buffer): void {
    this.#host.wire.received(chunk);
    this.#rest.atLeast(this.#settings.frameGapMs);
    this.#framing.receive(chunk, this.#framing.matchesById ? undefined : this.#onlyFlight());
  }

  #onlyFlight(): Exchange | undefined {
    for (const exchange of this.#flying.values()) return exchange;
    return undefined;
  }

  /** @returns whether the request in flight goes on waiting */
  #onFrame(id: number | undefined, unitAndPdu: Buffer): boolean {
    const exchange = id === undefined ? this.#onlyFlight() : this.#flying.get(id);
    const unit = unitAndPdu[0]!;
    const foreign = unit !== exchange?.unit;
    if (exchange === undefined || (foreign && !this.#framing.matchesById)) {
      // On a line an unexpected unit's reply leaves the response timeout running (Serial Line V1.02, 2.4.1).
      this.#stray(id, unitAndPdu);
      return true;
    }
    this.#answered = true;
    this.#lossReported = false;
    this.#lossExpected = false;
    const complaint = foreign
      ? `unit ${unit} answered, unit ${exchange.unit} was asked`
      : misfit(exchange.pdu, unitAndPdu, UNIT_BYTES);
    if (complaint !== undefined) {
      this.#rest.atLeast(this.#settings.quietMs);
      const error = say.wrongAnswer(this.#settings.who, exchange, complaint, unitAndPdu);
      if (this.#isItsOwn(exchange, unitAndPdu)) this.#fail(exchange, error);
      else this.#giveUp(exchange, error);
    } else if (this.#owed.maybe(exchange.pdu[0]!)) {
      this.#hold(exchange, unitAndPdu);
      return true;
    } else {
      this.#answer(exchange, unitAndPdu);
    }
    this.#settled();
    return false;
  }

  /** Whether a misfit was this request's answer for all that, so that no other will come. */
  #isItsOwn({ pdu }: Exchange, unitAndPdu: Buffer): boolean {
    return (unitAndPdu[UNIT_BYTES]! & ~EXCEPTION_BIT) === pdu[0] && !this.#owed.maybe(pdu[0]);
  }

  #answer(exchange: Exchange, unitAndPdu: Buffer): void {
    this.#flying.delete(exchange.id);
    this.#owed.settled();
    exchange.answered(unitAndPdu);
  }

  /** This may be the answer that an earlier request was denied; then the right one is still to come. */
  #hold(exchange: Exchange, unitAndPdu: Buffer): void {
    if (exchange.held !== undefined)
      this.#host.wire.event(
        `answer of ${functionName(exchange.pdu[0]!)} discarded: it came late, another followed`,
      );
    exchange.held = Buffer.from(unitAndPdu);
    exchange.dueAtMs = monotonicMs() + this.#settings.replyWithinMs + this.#lineMs(exchange, 0);
  }

  #stray(id: number | undefined, unitAndPdu: Buffer): void {
    const transaction = id === undefined ? '' : `transaction ${id}, `;
    const what = `${transaction}unit ${unitAndPdu[0]}, ${functionName(unitAndPdu[UNIT_BYTES]!)}`;
    this.#host.wire.event(`answer of ${what} discarded: nobody waits for it`);
    for (const exchange of this.#flying.values()) {
      exchange.strays += 1;
      exchange.lastStray = what;
    }
  }

  #onBroken(error: FrameError): void {
    this.#rest.atLeast(this.#settings.quietMs);
    this.#host.wire.event(error.message);
    this.#failFlying(say.broken(this.#settings.who, error));
    if (this.#framing.matchesById) this.#dropLink();
    this.#settled();
  }

  #onDied(cause: PortError): void {
    const pending = this.#flying.size > 0 && !this.#retiring;
    this.#newStream();
    if (pending || !this.#keeper.connector.remote) this.#report(cause);
    this.#failFlying(cause);
    this.#settled();
  }

  // ------------------------------------------------------------------------------------------ settling and failing

  #onDeadline(): number | undefined {
    const now = monotonicMs();
    const due = [...this.#flying.values()].filter((exchange) => exchange.dueAtMs <= now);
    const silent = due.filter((exchange) => exchange.held === undefined);
    for (const exchange of due) if (exchange.held !== undefined) this.#answer(exchange, exchange.held);
    if (silent.length > 0) this.#timeOut(silent);
    else if (due.length > 0) this.#settled();
    return this.#flying.size === 0
      ? undefined
      : Math.min(...[...this.#flying.values()].map((exchange) => exchange.dueAtMs));
  }

  #timeOut(due: readonly Exchange[]): void {
    const { who, replyWithinMs } = this.#settings;
    for (const exchange of due) {
      this.#giveUp(exchange, say.noReply(who, exchange, replyWithinMs, this.#framing));
    }
    this.#rest.atLeast(this.#settings.quietMs);
    if (!this.#framing.matchesById) this.#framing.reset();
    this.#retiring = this.#keeper.connector.remote && this.#keeper.link !== undefined;
    this.#settled();
  }

  /** Requests have been settled: retire the link, send what waits. */
  #settled(): void {
    if (this.#retiring && this.#flying.size === 0) this.#dropLink();
    if (this.#queue.length > 0) this.#pump();
  }

  #dropLink(): void {
    this.#newStream();
    this.#keeper.drop();
  }

  /** What comes next comes over another link. */
  #newStream(): void {
    this.#retiring = false;
    this.#framing.reset();
  }

  #report(cause: BenchError): void {
    this.#state = 'lost';
    if (this.#lossReported || this.#lossExpected) return;
    this.#lossReported = true;
    this.#host.lost(cause);
  }

  #fail(exchange: Exchange, error: BenchError): void {
    this.#flying.delete(exchange.id);
    exchange.failed(error);
  }

  /** Fails a request whose answer may still come. */
  #giveUp(exchange: Exchange, error: BenchError): void {
    if (!this.#framing.matchesById) this.#owed.owes(exchange.pdu[0]!);
    this.#fail(exchange, error);
  }

  #failFlying(error: BenchError): void {
    for (const exchange of [...this.#flying.values()]) this.#fail(exchange, error);
  }

  #failAll(error: BenchError): void {
    this.#failFlying(error);
    for (const exchange of this.#queue.splice(0)) exchange.failed(error);
  }
}
