/**
 * The contract between the bench and a driver, and between a profile and an adapter.
 *
 * A driver is one protocol over one link. Its module is loaded only when a board file names it. It says what
 * settings it takes (a zod schema, from which the board file's JSON Schema is made), creates the driver, and
 * brings *adapters*: small named bridges from the driver's link capability to one member of a device capability
 * ("version from a register", "image through YMODEM"), so that a board file alone can describe a device.
 */

import type { z } from 'zod';
import type {
  AlarmEvent,
  Answer,
  AuditEvent,
  Console,
  EndlessKind,
  EndlessTransfer,
  FirmwareImage,
  LinkAttack,
  LinkTap,
  NodeSpace,
  Power,
  Registers,
} from './capabilities.ts';
import type { BenchError } from './errors.ts';

/** Where a driver puts every byte that crosses its wire, before anybody interprets it. */
export interface WireLog {
  /** Bytes towards the device. */
  sent(bytes: Uint8Array): void;
  /** Bytes from the device. */
  received(bytes: Uint8Array): void;
  /** What happened on the wire beside bytes: opened, reset by peer, baud rate changed. */
  event(text: string): void;
}

/** A wire log that keeps nothing, for tests and tools without a record. */
export const noWireLog: WireLog = { sent() {}, received() {}, event() {} };

/** What the bench hands to a driver when it creates it. */
export interface DriverContext {
  /** The wire's name in the board file. */
  name: string;
  wire: WireLog;
  /** A folder of this wire's own for what must outlive the process: PKI, flash of a simulated device. Made on demand. */
  stateDir: string;
  /** Folder of the board file: relative paths in settings start here. */
  boardDir: string;
  /** Other drivers of the board on which this one depends (named by a `driver:` reference in its settings). */
  dependency(name: string): Driver;
  /** Told at once, once per loss, when the link died without being asked to. */
  lost(cause: BenchError): void;
  /** False without a terminal: nothing may wait for a person. */
  interactive: boolean;
}

export type DriverState = 'closed' | 'open' | 'lost';

/**
 * One wire. Life: `closed → open → (lost → open)* → closed`.
 *
 * Contract, proven by `drivers/driver-contract.ts` for each driver:
 * `open` twice is an error that says so; `close` is safe twice, after a failed `open`, and after a loss;
 * a request on a closed driver rejects with DriverError at once; a request in flight when the link dies rejects
 * within 1 s; no timer or handle survives `close`.
 */
export interface Driver {
  readonly kind: string;
  readonly name: string;
  readonly state: DriverState;
  /** @throws PortError naming what is missing and the next step */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Bench-side health: is *our* end in order? Never needs the device. Throws BenchError when not. */
  selfTest(): Promise<void>;
  /** Values that other wires may use in their settings with `!from wire.key` (a tty path, a port). Known once open. */
  readonly provides?: Readonly<Record<string, string | number>>;
  /** The device lost power on purpose: connections may go without being a loss; reopen at the next use. */
  devicePowerChanged?(on: boolean): void;
  readonly console?: Console;
  readonly registers?: Registers;
  readonly nodes?: NodeSpace;
  readonly power?: Power;
  readonly tap?: LinkTap;
  readonly attacks?: readonly LinkAttack[];
}

/** What a driver folder exports as `module` from its `index.ts`. */
export interface DriverModule<Settings = unknown> {
  kind: string;
  /** One line for `fieldproof list drivers`. */
  summary: string;
  create(settings: Settings, context: DriverContext): Driver;
  adapters: readonly AnyAdapterModule[];
}

/** What a driver folder exports as `spec` from its light `settings.ts`: enough to check a board file. */
export interface DriverSpec {
  kind: string;
  summary: string;
  /** Strict zod object. Field names carry units: `replyWithinMs`, `baudRate`. */
  settings: z.ZodObject;
  /** Names of setting keys that hold the name of another wire. */
  dependencies?: readonly string[];
  /** Names in `provides` once open, so that `!from wire.key` is checked at load; absent: checked only at run time. */
  provides?: readonly string[];
  /** Link capabilities that a wire of this kind can have, so that `power:` and `tap:` are checked at load. */
  offers?: readonly LinkCapability[];
  adapters: readonly AdapterSpec[];
}

export type LinkCapability = 'console' | 'registers' | 'nodes' | 'power' | 'tap' | 'attacks';

// ---------------------------------------------------------------------------------------------------------------
// Adapters

/** Which member of a device capability an adapter can serve. */
export interface AdapterRoles {
  /** One readable term: a version, a digest, a counter, a process value. */
  value: { read(): Promise<string | number> };
  /** One thing to ask of the device: activate, confirm, restore, a named tampering. */
  action: { perform(): Promise<Answer> };
  /** A way in for firmware. */
  ingress: {
    offer(image: FirmwareImage): Promise<Answer>;
    /** Transfers that it can leave without an end; absent: none. */
    readonly endless?: readonly EndlessKind[];
    /** Only for kinds that {@link endless} names; see `Firmware.offerEndlessly`. */
    offerEndlessly?(image: FirmwareImage, transfer: EndlessTransfer): Promise<Answer>;
  };
  /** One wire on which alarms are told. */
  alarm: {
    /**
     * What takes a while and needs no wire, such as loading a large library; done for all wires before any is listened
     * on, so that it does not run out the deadlines of the others.
     */
    prepare?(): void;
    listen(
      onAlarm: (alarm: Omit<AlarmEvent, 'wire'>) => void,
      onFailure: (error: unknown) => void,
    ): Promise<() => Promise<void>>;
  };
  /** Carries command messages. */
  messages: {
    send(message: Uint8Array): Promise<Answer>;
    /** Ends the connection, so that the next message begins one anew. Absent where messages stand alone on the wire. */
    renew?(): Promise<void>;
  };
  /** Reads the audit log. */
  audit: { since(sequence: number): Promise<readonly AuditEvent[]> };
  /** Sets the device's clock. */
  clock: { set(utc: Date): Promise<Answer> };
  /** Reads several named values at once: the device's identity. */
  identity: { read(): Promise<Readonly<Record<string, string>>> };
}
export type AdapterRole = keyof AdapterRoles;

/** The part of an adapter that checks a board file; light. */
export interface AdapterSpec {
  /** Name in the board file: `console-pattern`, `modbus-register`, `opcua-event`. */
  name: string;
  role: AdapterRole;
  summary: string;
  /** Strict zod object without `adapter` and `wire`, which every use has. */
  settings: z.ZodObject;
}

/** The part that works. */
export interface AdapterModule<Role extends AdapterRole, Settings = unknown> {
  name: string;
  role: Role;
  create(settings: Settings, wire: Driver): AdapterRoles[Role];
}

export type AnyAdapterModule = { [Role in AdapterRole]: AdapterModule<Role, never> }[AdapterRole];

/** A driver's whole module with its settings types forgotten, as the bench sees it. */
export type AnyDriverModule = DriverModule<never>;
