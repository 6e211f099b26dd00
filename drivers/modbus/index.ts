/** The Modbus driver: TCP, RTU on a serial port, RTU through a serial device server. */

import path from 'node:path';
import {
  type Driver,
  type DriverContext,
  type DriverModule,
  type DriverState,
} from '../../harness/driver.ts';
import { adapters } from './adapters/index.ts';
import { ModbusSerialPort } from './modbus-serial-port.ts';
import { ModbusRegisters } from './registers.ts';
import { Session } from './session.ts';
import { resolved, spec, type ModbusSettings, type ResolvedSettings } from './settings.ts';
import { type Connector } from './transports/link.ts';
import { MbapFraming } from './transports/mbap-framing.ts';
import { RtuFraming } from './transports/rtu-framing.ts';
import { SerialConnector } from './transports/serial-link.ts';
import { TcpConnector } from './transports/tcp-link.ts';

/** Least silence that ends an RTU frame of unknown length: longer than the latency timer of USB adapters (16 ms). */
const OPEN_FRAME_GAP_MS = 25;

class ModbusDriver implements Driver {
  readonly kind = spec.kind;
  readonly name: string;
  readonly registers: ModbusRegisters;
  readonly #session: Session;

  constructor(settings: ModbusSettings, context: DriverContext) {
    const all = resolved(settings);
    const who = `modbus-${all.mode} ${context.name}`;
    this.name = context.name;
    this.#session = new Session(
      { who, ...all },
      connectorFor(all, context),
      { wire: context.wire, lost: (cause) => context.lost(cause) },
      (sink) =>
        all.mode === 'tcp'
          ? new MbapFraming(sink)
          : new RtuFraming(sink, Math.max(OPEN_FRAME_GAP_MS, all.frameGapMs)),
    );
    const port = new ModbusSerialPort(this.#session, `${who} unit ${all.unit}`);
    this.registers = new ModbusRegisters(port, this.#session, all.unit, `${who} unit ${all.unit}`);
  }

  get state(): DriverState {
    return this.#session.state;
  }

  open(): Promise<void> {
    return this.#session.open();
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  selfTest(): Promise<void> {
    return this.#session.check();
  }

  devicePowerChanged(on: boolean): void {
    this.#session.devicePowerChanged(on);
  }
}

function connectorFor(all: ResolvedSettings, context: DriverContext): Connector {
  if (all.mode !== 'rtu') return new TcpConnector(all.host, all.port);
  // `COM3` is a name, not a path.
  const devicePath = process.platform === 'win32' ? all.path : path.resolve(context.boardDir, all.path);
  return new SerialConnector({ ...all, path: devicePath });
}

export const module: DriverModule<ModbusSettings> = {
  kind: spec.kind,
  summary: spec.summary,
  create: (settings, context) => new ModbusDriver(settings, context),
  adapters,
};
