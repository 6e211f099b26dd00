/**
 * One process per board: a lock that the operating system holds for the process, and lets go when it dies.
 *
 * The lock is a listening socket in Linux's abstract namespace (Windows: a named pipe). Binding it is atomic, its
 * name vanishes with the process however that ends, and there is no file that could be left behind. Whoever finds
 * it taken connects, and is told by the owner who it is. The namespace is the machine's (the network namespace's):
 * containers with networks of their own do not see each other's locks.
 * Source: unix(7), Linux man-pages 6.9, "Abstract sockets".
 */

import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import { Deadline, pause, utcNow } from '../clock.ts';
import { BenchError } from '../errors.ts';
import { processesWithSocket } from './socket-owner.ts';

/** Who holds a board. */
export interface LockHolder {
  pid: number;
  user: string;
  /** Command line. */
  command: string;
  /** UTC, ISO 8601. */
  since: string;
  /** Real path of the board file. */
  board: string;
}

export interface HeldLock {
  readonly holder: LockHolder;
  /** Safe to call twice. */
  release(): Promise<void>;
}

/** A way to claim a board: here for one machine; a lab may bring one for many. */
export interface BenchLock {
  /**
   * Claims a board at once, or says who has it. Never waits for the holder.
   *
   * @param boardFile path of the board file; its real path is what counts
   * @param lane tells claims of one board apart that share no hardware: runs of a simulated device
   * @throws BenchError `board-taken` with the holder in `data.holder`, as far as it is known
   */
  acquire(boardFile: string, lane?: string): Promise<HeldLock>;
}

/** The lock of this machine. */
export const socketLock: BenchLock = { acquire };

/** Time in which a living owner answers; a stopped one never does. */
const ownerAnswersWithinMs = 3000;

async function acquire(boardFile: string, lane = ''): Promise<HeldLock> {
  const board = realPath(boardFile);
  const address = lockAddress(`${board}${lane}`);
  const holder: LockHolder = {
    pid: process.pid,
    user: userName(),
    command: process.argv.join(' '),
    since: utcNow(),
    board,
  };
  // An owner may die between our bind and our question: then the next bind succeeds. Bounded, for safety's sake.
  const deadline = new Deadline(5000);
  for (;;) {
    const server = await bind(address, holder);
    if (server !== undefined) return held(server, holder);
    const owner = await askOwner(address);
    if (owner !== 'gone') throw taken(board, owner, address);
    if (deadline.passed)
      throw new BenchError(
        'board-lock',
        `cannot lock ${board}: its lock is taken and let go again and again`,
      );
    await pause(5);
  }
}

/**
 * The socket's address for a board.
 *
 * Node 20 pads an abstract name with zero bytes to the 108 of `sun_path`, Node 24 does not, so that the two would
 * take different locks for the same name: the name fills all 108.
 */
export function lockAddress(board: string): string {
  const name = `fieldproof-board-${createHash('sha256').update(board).digest('hex')}`;
  if (process.platform === 'linux') return `\0${name}`.padEnd(108, '-');
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  throw new BenchError('board-lock', `boards cannot be locked on ${process.platform}`, {
    hint: 'Run on Linux or Windows.',
  });
}

function realPath(boardFile: string): string {
  try {
    return realpathSync(boardFile);
  } catch (cause) {
    throw new BenchError('board-lock', `cannot lock ${boardFile}: there is no such board file`, { cause });
  }
}

function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`; // a container's user need not be in passwd
  }
}

/** The listening socket, or undefined when somebody has it. */
function bind(address: string, holder: LockHolder): Promise<net.Server | undefined> {
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy()); // the asker went away
    socket.setTimeout(ownerAnswersWithinMs, () => socket.destroy());
    socket.unref();
    socket.end(`${JSON.stringify(holder)}\n`);
    socket.resume();
  });
  return new Promise((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(new BenchError('board-lock', `cannot lock ${holder.board}`, { cause: error }));
    });
    server.listen(address, () => {
      server.unref(); // holding a board keeps no process alive
      resolve(server);
    });
  });
}

function held(server: net.Server, holder: LockHolder): HeldLock {
  let released: Promise<void> | undefined;
  return {
    holder,
    release: () => (released ??= new Promise((resolve) => server.close(() => resolve()))),
  };
}

/** The owner's own words; undefined when it lives and says nothing of use; `gone` when nobody listens any more. */
function askOwner(address: string): Promise<LockHolder | undefined | 'gone'> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(address);
    const finish = (owner: LockHolder | undefined | 'gone'): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(owner);
    };
    const timer = setTimeout(() => finish(undefined), ownerAnswersWithinMs);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > 16_384) finish(undefined);
    });
    socket.on('end', () => finish(asHolder(text)));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const nobody = error.code === 'ECONNREFUSED' || error.code === 'ENOENT' || error.code === 'ECONNRESET';
      finish(nobody ? 'gone' : undefined);
    });
  });
}

function asHolder(text: string): LockHolder | undefined | 'gone' {
  if (text === '') return 'gone'; // it died while it was being asked
  try {
    const holder = JSON.parse(text) as Partial<LockHolder>;
    return typeof holder.pid === 'number' && typeof holder.command === 'string'
      ? (holder as LockHolder)
      : undefined;
  } catch {
    return undefined;
  }
}

function taken(board: string, owner: LockHolder | undefined, address: string): BenchError {
  if (owner !== undefined) {
    const { pid, user, command, since } = owner;
    return new BenchError(
      'board-taken',
      `${board} is taken by process ${pid} of ${user} since ${since}: ${command}`,
      {
        data: { holder: owner },
        hint: 'Wait until that run has ended, or end it; the lock goes with its process.',
      },
    );
  }
  const pids = processesWithSocket(address);
  const who = pids.length === 0 ? 'a process that cannot be seen from here' : `process ${pids.join(', ')}`;
  const message = `${board} is taken by ${who}, which did not answer within ${ownerAnswersWithinMs} ms`;
  return new BenchError('board-taken', message, {
    data: { pids },
    hint: 'It may be stopped or very busy: look at it with ps; the lock goes with its process.',
  });
}
