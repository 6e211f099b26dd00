/**
 * What the device and its OPC UA communication module say to each other over the IPC channel of `fork()`.
 *
 * The device sends `start` first, then `state` whenever something has changed and `alarm` as alarms are raised; it
 * answers each `call` by one `result` with the same id. The module answers `start` by `listening` once.
 */

/** Who the device says it is. */
export interface Identity {
  vendor: string;
  model: string;
  hardware: string;
  serial: string;
}

/** A snapshot of all that the module shows of the device. */
export interface GatewayState {
  /** Of the running image, `1.2.0+0`. */
  version: string;
  /** SHA-256 of the running image, 64 hexadecimal digits. */
  digest: string;
  securityCounter: number;
  /** `confirmed`, or `trial` while the running image waits for its confirmation. */
  confirmation: string;
  /** In bar. */
  processValue: number;
  /** Int16. */
  setpoint: number;
  /** Commands executed, UInt32. */
  effects: number;
  /** One bit per object, as Modbus input register 28. */
  activeAlarms: number;
  alarmSequence: number;
  /** Version of the verified image that waits to be activated. */
  pendingVersion: string | null;
}

export interface StartMessage {
  type: 'start';
  /** Folder of the module's own key, certificate and trust list; made if missing. */
  stateDir: string;
  /** TCP port on 127.0.0.1 at which clients reach the device; the endpoint URLs name it. */
  publicPort: number;
  identity: Identity;
  /** A trial that nobody confirms within this time after its start is swapped back. */
  confirmWithinMs: number;
  /** A transfer whose client has sent nothing for this long is ended. */
  stalledAfterMs: number;
  /** Names of the defects that are switched on; those that do not concern the module are ignored. */
  defects: string[];
}

export interface StateMessage {
  type: 'state';
  state: GatewayState;
}

export interface AlarmMessage {
  type: 'alarm';
  sequence: number;
  /** `code`, `memory`, … as in the datasheet. */
  object: string;
  text: string;
}

export interface ResultMessage {
  type: 'result';
  id: number;
  ok: boolean;
  /** Of `send-command`: as Modbus input register 40. */
  result?: number;
  /** Why not, in one word: `signature`, `counter`, … */
  reason?: string;
}

export type DeviceMessage = StartMessage | StateMessage | AlarmMessage | ResultMessage;

export interface ListeningMessage {
  type: 'listening';
  /** The module's own port on 127.0.0.1, to which the device passes the bytes of its public port. */
  port: number;
  /** SHA-1 thumbprint of the module's certificate, 40 hexadecimal digits. */
  fingerprint: string;
}

/** What the module may ask of the device. Bytes travel as base64. */
export type DeviceCall =
  | { what: 'send-command'; message: string }
  | { what: 'firmware'; name: string; bytes: string }
  | { what: 'activate' }
  | { what: 'confirm' }
  | { what: 'discard' };

export type CallMessage = { type: 'call'; id: number } & DeviceCall;

/** A line for the device's log. */
export interface LogMessage {
  type: 'log';
  event: string;
  object: string;
  result: string;
  text: string;
}

export type ModuleMessage = ListeningMessage | CallMessage | LogMessage;
