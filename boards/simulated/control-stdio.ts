/** `--control stdio`: commands and answers as JSON Lines; see the datasheet. */

import { createInterface } from 'node:readline';
import { UART } from './device-options.ts';
import { type Backplane, type PortName } from './backplane.ts';

interface Request {
  id?: unknown;
  do?: unknown;
  port?: unknown;
}

export function emit(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Obeys commands in order until stdin ends or `exit` is asked for; then calls `onEnd`. */
export function serveControl(backplane: Backplane, onEnd: () => void): void {
  process.stdout.on('error', () => undefined); // a bench that is gone; the end of stdin says so too
  let previous = Promise.resolve();
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    previous = previous.then(() => answer(backplane, line, onEnd));
  });
  lines.on('close', onEnd);
}

async function answer(backplane: Backplane, line: string, onEnd: () => void): Promise<void> {
  let request: Request = {};
  try {
    request = JSON.parse(line) as Request;
    emit({ id: request.id ?? null, ok: true, ...(await obey(backplane, request)) });
    if (request.do === 'exit') onEnd();
  } catch (error) {
    emit({
      id: request.id ?? null,
      ok: false,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}

async function obey(backplane: Backplane, request: Request): Promise<object> {
  switch (request.do) {
    case 'power-off':
      await backplane.powerOff();
      return {};
    case 'power-on':
      backplane.powerOn();
      return {};
    case 'status':
      return { power: backplane.power, pid: backplane.pid ?? null, lostBytes: backplane.lostBytes };
    case 'unplug':
      backplane.unplug(portNamed(request.port));
      return {};
    case 'plug':
      return { path: backplane.plug(portNamed(request.port)) };
    case 'exit':
      await backplane.close();
      return {};
    default:
      throw new Error(
        `unknown command ${JSON.stringify(request.do)}: power-off, power-on, status, unplug, plug, exit`,
      );
  }
}

function portNamed(name: unknown): PortName {
  const port = (Object.keys(UART) as PortName[]).find((candidate) => candidate === name);
  if (port === undefined)
    throw new Error(`unknown port ${JSON.stringify(name)}: console, rs485, maintenance`);
  return port;
}
