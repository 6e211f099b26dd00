/** open62541: a small server of ours on the library as Debian ships it; the server's process is the supply. */

import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join, relative } from 'node:path';
import { until } from '../../../harness/clock.ts';
import { choosePort } from '../../simulated/free-port.ts';
import type { RunningDevice, ThirdPartyDevice } from '../device.ts';
import { PoweredProcess } from '../powered-process.ts';

const here = import.meta.dirname;
const fetched = join(here, '../../../node_modules/.cache/fieldproof/open62541/usr');
const header = 'include/open62541/server.h';
/** Where `fetch` put the library, or the system. */
const prefix = existsSync(join('/usr', header)) ? '/usr' : fetched;

/** Whom the server lets in by name; see server/server.c. */
export const operator = { name: 'operator', password: 'operate-test' } as const;

/** What a server does with strangers; see server/server.c. */
export type Stance = 'guarded' | 'open' | 'closed';

/** … and what that of each board does. */
const stance: Readonly<Record<string, Stance>> = { secure: 'guarded', 'security-none': 'open' };

export const device: ThirdPartyDevice = {
  name: 'open62541',
  title: 'open62541 1.4, an OPC UA server in C',
  packages: ['gcc', 'libc6-dev', 'openssl'],
  needs: ['gcc', 'openssl', join(prefix, header)],
  boards: Object.keys(stance),
  start: (board, folder) => startServer(stance[board] ?? 'guarded', folder),
};

export interface RunningServer extends RunningDevice {
  /** On 127.0.0.1. */
  port: number;
  supply: PoweredProcess;
}

/** Makes keys and server in an empty folder, and resolves when it listens. */
export async function startServer(how: Stance, folder: string): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true });
  execFileSync(join(here, 'keys'), [folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  const program = join(folder, 'server');
  compile(program);
  const port = await choosePort(0);
  const supply = new PoweredProcess({
    command: [program, String(port), folder, how],
    consoleLink: join(folder, 'console'),
  });
  try {
    const supplyPort = await supply.listen();
    supply.on();
    await listens(port);
    return {
      port,
      supply,
      environment: {
        DEVICE_FOLDER: relative(here, folder),
        DEVICE_SUPPLY_PORT: String(supplyPort),
        DEVICE_PORT: String(port),
        DEVICE_PASSWORD: operator.password,
      },
      close: () => supply.close(),
    };
  } catch (error) {
    await supply.close();
    throw error;
  }
}

function compile(program: string): void {
  const sources = ['server.c', 'device.c', 'commands.c'].map((name) => join(here, 'server', name));
  const arch = spawnSync('gcc', ['-print-multiarch'], { encoding: 'utf8' }).stdout.trim();
  const libraries = join(prefix, 'lib', arch);
  // An rpath of the old kind, which holds for the library's own dependencies too.
  const where =
    prefix === '/usr'
      ? []
      : [
          '-isystem',
          join(prefix, 'include'),
          `-L${libraries}`,
          `-Wl,--disable-new-dtags,-rpath,${libraries}`,
        ];
  const link = ['-lopen62541', '-lmbedcrypto', '-lm'];
  const made = spawnSync(
    'gcc',
    ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-o', program, ...sources, ...where, ...link],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`gcc ended with ${made.status}:\n${made.stderr}`);
}

/** Resolves when a connection to the port is taken. @throws TimeoutError after 20 s */
export async function listens(port: number): Promise<void> {
  const tries = async (): Promise<true | undefined> => {
    const socket = connect({ host: '127.0.0.1', port });
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return undefined;
    } finally {
      socket.destroy();
    }
  };
  await until(tries, { withinMs: 20_000, what: `a server on port ${port}` });
}
