/** The servers that come with libmodbus as examples, compiled as they are; see elsewhere.c for where they serve. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModbusServer } from '../modbus-server.ts';

const here = import.meta.dirname;
export const examples = '/usr/share/doc/libmodbus-dev/examples';
/** Functions of libmodbus that elsewhere.c stands in front of. */
const wrapped = ['modbus_new_tcp', 'modbus_new_rtu', 'modbus_tcp_listen', 'modbus_connect'];

export type Server =
  /** The library's own test server: misbehaving registers; one connection, with which it ends. */
  | 'unit-test-server'
  /** Coils and holding registers, all zero, for many connections. */
  | 'bandwidth-server-many-up';

const programs = new Map<Server, string>();

/** Compiles one of them, once in the life of this process. @returns path of the program */
function compiled(server: Server): string {
  const known = programs.get(server);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-libmodbus-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, server);
  const include = ['-I/usr/include/modbus', `-I${examples}`];
  const wrap = `-Wl,${wrapped.map((name) => `--wrap=${name}`).join(',')}`;
  const sources = [join(examples, `${server}.c`), join(here, 'elsewhere.c')];
  execFileSync('gcc', ['-O1', ...include, ...sources, wrap, '-lmodbus', '-o', program]);
  programs.set(server, program);
  return program;
}

/** A server that is started again whenever it ends of itself, as a supervisor would; not after a failure. */
export function startServer(server: Server, mode: 'tcp' | 'rtu', folder: string): Promise<ModbusServer> {
  const again = 'while setpriv --pdeathsig KILL "$0" "$1"; do :; done';
  return ModbusServer.start({
    ...{ mode, unit: unitOfTests, folder },
    command: ['sh', '-c', again, compiled(server), mode],
  });
}

/** `SERVER_ID` of unit-test.h. */
export const unitOfTests = 17;

/** The numbers of `unit-test.h`, by name without `UT_`. Tables as arrays. */
export function unitTestNumbers(): {
  number: (name: string) => number;
  table: (name: string) => number[];
} {
  const header = readFileSync(join(examples, 'unit-test.h'), 'latin1');
  const found = (pattern: RegExp, name: string): string => {
    const value = pattern.exec(header)?.[1];
    if (value === undefined) throw new Error(`${examples}/unit-test.h has no ${name}`);
    return value;
  };
  return {
    number: (name) => Number(found(new RegExp(`UT_${name} = (0x[0-9A-F]+|\\d+);`), name)),
    table: (name) =>
      found(new RegExp(`UT_${name}\\[\\] = \\{([^}]*)\\};`), name)
        .split(',')
        .map(Number),
  };
}
