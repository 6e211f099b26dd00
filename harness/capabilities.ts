/**
 * What a suite may ask of a device, and what a driver may offer.
 *
 * Two floors. *Link capabilities* ({@link Console}, {@link Registers}, {@link NodeSpace}, {@link Power},
 * {@link LinkTap}) belong to one wire and speak its protocol; drivers implement them. *Device capabilities*
 * ({@link Firmware}, {@link ProcessValue}, {@link Alarms} …) belong to the device; a profile composes them from
 * links through adapters. Suites see device capabilities, Power and LinkTap only, so that no case names a protocol.
 */

// ---------------------------------------------------------------------------------------------------------------
// Answers and observations

/** How a device can answer a stimulus. Never decides a verdict alone: state decides. */
export type AnswerKind =
  /** It said yes. */
  | 'accepted'
  /** It said no, in its own words. */
  | 'refused'
  /** It ended the connection or cancelled the transfer without saying why. */
  | 'closed'
  /** Nothing came within the deadline. Never to be read as a refusal. */
  | 'silent'
  /** Bytes came that mean nothing in the protocol. */
  | 'garbage'
  /** It restarted, or vanished from this wire, while it was being asked. */
  | 'crashed';

/** Stages of an update, in order; where a device says no. */
export const stages = ['transfer', 'verify', 'install', 'boot'] as const;
export type Stage = (typeof stages)[number];

/** Proof that a stimulus reached the device. */
export interface Delivery {
  /** Bytes of the stimulus (payload, not framing) that were to be sent. */
  totalBytes: number;
  /** Bytes that the device acknowledged at protocol level. */
  acknowledgedBytes: number;
  /** True when the device acknowledged the transfer's end. */
  complete: boolean;
}

export interface Answer {
  kind: AnswerKind;
  /** The device's own words or code, if it gave any. */
  reason?: string;
  /** Where it said no, where that can be told. */
  stage?: Stage;
  delivery?: Delivery;
  /** From the end of the stimulus to the answer, in milliseconds. */
  elapsedMs: number;
}

/** A term of an oracle: seen, or not observable on this device, with the reason. Never assumed. */
export type Observed<T> = { observable: true; value: T } | { observable: false; why: string };

export function seen<T>(value: T): Observed<T> {
  return { observable: true, value };
}

export function notObservable<T>(why: string): Observed<T> {
  return { observable: false, why };
}

// ---------------------------------------------------------------------------------------------------------------
// Link capabilities: one wire, one protocol. For drivers, adapters and makers' profiles; never for suites.

/** One line or fragment that `expect` found. */
export interface ConsoleMatch {
  /** The whole text from the cursor to the end of the match. */
  before: string;
  /** The matched text. */
  text: string;
  /** Named groups of the pattern. */
  groups: Readonly<Record<string, string>>;
  /** Monotonic ms at which the last matched byte arrived. */
  atMs: number;
}

/** A text console with an always-on log. `expect` consumes a cursor over that log; nothing is ever lost between calls. */
export interface Console {
  /** Sends text followed by the line ending of the board file, or raw bytes as they are. */
  send(data: string | Uint8Array): Promise<void>;
  /**
   * Waits for a pattern after the cursor and moves the cursor behind it.
   *
   * @throws TimeoutError with the last lines received; DriverError when a pattern of `mustNotAppear` came first
   */
  expect(
    pattern: RegExp | string,
    options: { withinMs: number; mustNotAppear?: readonly RegExp[] },
  ): Promise<ConsoleMatch>;
  /** Moves the cursor to the end of the log: what came before is history. */
  skipToEnd(): void;
  /** Position in the log now: a byte count since open, for `linesSince`. */
  readonly position: number;
  /** Complete lines received since a position, without line endings, each with its arrival time. */
  linesSince(position: number): readonly { text: string; atMs: number }[];
  /** Calls back for every complete line, until the returned function is called. */
  onLine(listener: (line: { text: string; atMs: number }) => void): () => void;
  /** Sends a file with YMODEM (1K blocks, CRC-16). The receiver must already be waiting. */
  sendFile(file: { name: string; bytes: Uint8Array }, options: { blockWithinMs: number }): Promise<Answer>;
}

/** The Modbus registers of one unit. Addresses are zero-based protocol addresses; values are unsigned 16 bit. */
export interface Registers {
  readCoils(address: number, count: number): Promise<boolean[]>;
  readDiscreteInputs(address: number, count: number): Promise<boolean[]>;
  readHolding(address: number, count: number): Promise<number[]>;
  readInput(address: number, count: number): Promise<number[]>;
  writeCoil(address: number, value: boolean): Promise<void>;
  writeCoils(address: number, values: readonly boolean[]): Promise<void>;
  writeRegister(address: number, value: number): Promise<void>;
  writeRegisters(address: number, values: readonly number[]): Promise<void>;
  maskWrite(address: number, and: number, or: number): Promise<void>;
  readWrite(
    read: { address: number; count: number },
    write: { address: number; values: readonly number[] },
  ): Promise<number[]>;
  readFifo(address: number): Promise<number[]>;
  readFileRecord(file: number, record: number, count: number): Promise<number[]>;
  writeFileRecord(file: number, record: number, values: readonly number[]): Promise<void>;
  /** Function 43/14: object id → value. */
  readDeviceIdentification(level: 'basic' | 'regular' | 'extended'): Promise<Map<number, string>>;
  /** Sends a PDU (function code and data) as it is; returns the response PDU, exceptions included. */
  raw(pdu: Uint8Array): Promise<Uint8Array>;
}

/** An OPC UA address space, by node id string (`ns=1;s=Gateway.Version`). Values as JavaScript values. */
export interface NodeSpace {
  read(nodeId: string): Promise<unknown>;
  write(nodeId: string, value: { type: string; value: unknown }): Promise<void>;
  call(
    objectId: string,
    methodId: string,
    inputs: readonly { type: string; value: unknown }[],
  ): Promise<unknown[]>;
  browse(nodeId: string): Promise<readonly { nodeId: string; browseName: string; nodeClass: string }[]>;
  /** Revised intervals are those the server granted, in ms; they are part of every timing uncertainty. */
  subscribeValues(
    nodeIds: readonly string[],
    options: { samplingMs: number; publishingMs: number },
    listener: (change: {
      nodeId: string;
      value: unknown;
      sourceTime: string | undefined;
      atMs: number;
    }) => void,
  ): Promise<NodeSubscription>;
  subscribeEvents(
    nodeId: string,
    fields: readonly string[],
    options: { publishingMs: number },
    listener: (event: { fields: Readonly<Record<string, unknown>>; atMs: number }) => void,
  ): Promise<NodeSubscription>;
  /** Writes a file through FileType methods (Open, Write, Close) of the given node. */
  writeFile(fileNodeId: string, bytes: Uint8Array, options?: { chunkBytes?: number }): Promise<Delivery>;
  readFile(fileNodeId: string): Promise<Uint8Array>;
}

export interface NodeSubscription {
  revisedPublishingMs: number;
  revisedSamplingMs: number | undefined;
  close(): Promise<void>;
}

/** The supply of the device. */
export interface Power {
  /** Without delay; resolves when the supply is off, with the instant at which it was. */
  off(): Promise<{ atMs: number }>;
  on(): Promise<{ atMs: number }>;
  /** True when a cut lands within a few milliseconds of the call, as a power-cut sweep needs. */
  readonly precise: boolean;
}

/** What a tap saw of one connection: bytes in order, each burst with its direction and time. */
export interface TapRecording {
  connection: number;
  openedAtMs: number;
  bursts: readonly { atMs: number; direction: 'to-device' | 'from-device'; bytes: Uint8Array }[];
}

export interface ReplayOutcome {
  /** How the device met the replayed bytes. */
  connection: 'refused' | 'closed' | 'answered' | 'silent';
  /** What it sent back. */
  received: Uint8Array;
  elapsedMs: number;
}

/** A recording man in the middle on one link. Suites use it without knowing what runs over it. */
export interface LinkTap {
  /** Starts a fresh recording of all connections; the returned function ends it and gives what was seen. */
  record(): () => readonly TapRecording[];
  /** Sends the recorded device-bound bytes again over a new connection, at once or with the original timing. */
  replayOnNewConnection(
    recording: TapRecording,
    options: { withinMs: number; originalTiming?: boolean },
  ): Promise<ReplayOutcome>;
  /** Sends bytes into the live connection towards the device, as if its client had. */
  injectInLive(bytes: Uint8Array, options: { withinMs: number }): Promise<ReplayOutcome>;
  /** Sends the last device-bound burst of the live connection once more. */
  duplicateLast(options: { withinMs: number }): Promise<ReplayOutcome>;
  /** How many connections pass through at this moment. */
  readonly liveConnections: number;
}

/** A protocol's own attack, offered by its driver under a name that a case may ask for. */
export interface LinkAttack {
  /** `repeated-sequence-number`, … */
  name: string;
  /** One sentence for the record. */
  description: string;
  /** Performs a legitimate exchange, the attack, and observes how the peer met it. */
  perform(): Promise<LinkAttackOutcome>;
  /** A fresh legitimate exchange must work: the control before and after. */
  control(): Promise<void>;
}

export interface LinkAttackOutcome {
  answer: Answer;
  /** True when the attacked message had an effect or was answered as if it were legitimate. */
  tookEffect: boolean;
  /** True when the connection ended. */
  connectionClosed: boolean;
  details: Readonly<Record<string, unknown>>;
}

// ---------------------------------------------------------------------------------------------------------------
// Device capabilities: what suites see.

/** A firmware file and the name under which evidence speaks of it. */
export interface FirmwareImage {
  name: string;
  bytes: Uint8Array;
  /** Lower-case hex. */
  sha256: string;
}

/** Everything by which a firmware state is compared before and after. */
export interface FirmwareState {
  version: Observed<string>;
  /** Digest of the running image as the device reports it, lower-case hex. */
  digest: Observed<string>;
  /** The floor below which images are refused. */
  securityCounter: Observed<number>;
  /** `confirmed` or `trial`, where the device tells. */
  confirmation: Observed<string>;
}

/** How a transfer can fail to come to its end. */
export const endlessKinds = [
  /** The sender falls silent in the middle, and stays connected. */
  'stalls',
  /** The sender never stops: it announces no length, or goes on behind it. */
  'never-ends',
] as const;
export type EndlessKind = (typeof endlessKinds)[number];

/** A transfer that is not meant to end. */
export interface EndlessTransfer {
  kind: EndlessKind;
  /** `stalls`: so many bytes are sent, and no more. `never-ends`: after so many the bench gives up. */
  bytes: number;
  /** How long the bench waits for the device to end it, from the last byte that it sent. */
  withinMs: number;
}

/** Offer an image through an ingress → activate → confirm → read back. */
export interface Firmware {
  /** Names of the declared ways in, the primary first. */
  readonly ingresses: readonly string[];
  readState(): Promise<FirmwareState>;
  /** Transfers and lets the device verify; the answer is the device's word, which state must confirm. */
  offer(image: FirmwareImage, ingress: string): Promise<Answer>;
  /** Transfers through this way in that the bench can leave without an end; absent or empty where it has no means. */
  endless?(ingress: string): readonly EndlessKind[];
  /**
   * Starts a transfer that does not end, and waits for the device to end it.
   *
   * @returns `refused` or `closed` when the device ended it, `silent` when it did not in time
   * @throws DriverError where {@link endless} does not name the kind
   */
  offerEndlessly?(image: FirmwareImage, ingress: string, transfer: EndlessTransfer): Promise<Answer>;
  /** Asks the device to run the image offered last; it restarts. */
  activate(ingress: string): Promise<Answer>;
  /** Makes a trial permanent. Absent when the device needs no confirmation. */
  confirm?(): Promise<Answer>;
  /** Drops an image offered but not activated, where the device has a way. */
  discard?(): Promise<Answer>;
  /** Asks for the image that ran before the running one. */
  revert?(): Promise<Answer>;
  /** The operator's override: asks the device to take an older image next. */
  allowOlder?(): Promise<Answer>;
  /** Resets to factory configuration; never to older firmware. */
  factoryReset?(): Promise<Answer>;
}

/** A live process value: proof that the device is still doing its job. */
export interface ProcessValue {
  /** Unit for the record. */
  readonly unit: string;
  read(): Promise<number>;
  /** The value of a working device changes within this time. */
  readonly changesWithinMs: number;
}

export interface AlarmEvent {
  /** Which wire told it: the name from the profile. */
  wire: string;
  /** The thing that the alarm names (`code`, `memory`, `process-list` …), in the declaration's words. */
  object: string;
  text: string;
  /** Monotonic ms of arrival. */
  atMs: number;
  /** Polling or publishing interval by which `atMs` may be late, in ms. */
  uncertaintyMs: number;
}

/** Every declared alarm wire, heard at once. */
export interface Alarms {
  readonly wires: readonly string[];
  /** Starts listening on all wires; must be called before the violation. */
  listen(): Promise<AlarmListener>;
  acknowledge?(): Promise<void>;
}

export interface AlarmListener {
  /** All alarms since `listen`, in order of arrival. */
  readonly events: readonly AlarmEvent[];
  /** Wires whose listening failed: a bench error, never a missing alarm. */
  readonly failures: readonly { wire: string; error: unknown }[];
  close(): Promise<void>;
}

/** Declared means of corrupting a device that was opened for test. */
export interface Tamper {
  /** `code-at-rest`, `executable`, `memory`, `configuration`, `start-process`, `kill-monitor`, `baseline`, … */
  readonly kinds: readonly string[];
  /** Applies one; resolves when the maintenance interface confirmed it, with the instant. */
  apply(kind: string): Promise<{ atMs: number }>;
  /** Undoes all that can be undone without power. */
  restore(): Promise<void>;
}

/** An authenticated command stream. Messages are built by the harness from the declared layout. */
export interface Commands {
  /** Sends the bytes of one message. */
  send(message: Uint8Array): Promise<Answer>;
  /**
   * Ends the connection, so that the next message begins one anew: what is recorded from its middle can mean nothing
   * on another. Absent where messages stand alone on the wire.
   */
  renew?(): Promise<void>;
  /** What commands act upon: read before and after to see an effect. */
  readEffect(): Promise<number>;
  /** Name of the tap on this wire, if the board has one. */
  readonly tap?: LinkTap;
  /** The counter of the last accepted message, where the device tells. */
  readCounter?(): Promise<number>;
  /** A write of the same effect without protection, as the board file defines it: must be refused or impossible. */
  writePlain?(): Promise<Answer>;
}

export interface AuditEvent {
  sequence: number;
  utc: string;
  event: string;
  object: string;
  result: string;
  text: string;
}

export interface AuditLog {
  /** Events with a sequence greater than the given one, in order. */
  since(sequence: number): Promise<readonly AuditEvent[]>;
  /** Highest sequence now; 0 for an empty log. */
  latest(): Promise<number>;
}

/** Control over the device's clock. */
export interface TimeSource {
  set(utc: Date): Promise<Answer>;
  /** As after its battery was taken out: the clock does not know the time. */
  unset?(): Promise<Answer>;
}

/** Who the device says it is, read back over a wire. */
export interface Identity {
  read(): Promise<Readonly<Record<string, string>>>;
}

/** The device under test in a dozen members. Absent means: this board cannot do it. */
export interface Device {
  identity?: Identity;
  firmware?: Firmware;
  process?: ProcessValue;
  alarms?: Alarms;
  tamper?: Tamper;
  commands?: Commands;
  audit?: AuditLog;
  power?: Power;
  /** Restarts the device by asking it to, where nobody can take its supply. */
  restart?(): Promise<Answer>;
  time?: TimeSource;
  /** Named attacks of the links, by name. */
  linkAttacks: ReadonlyMap<string, LinkAttack>;
  /** Resolves when the device has booted and answers; measured. */
  waitUntilReady(withinMs: number): Promise<{ tookMs: number }>;
}
