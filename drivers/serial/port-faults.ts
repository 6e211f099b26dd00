/** Why a port cannot be opened, and what to do about it. */

import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PortError } from '../../harness/errors.ts';

/** True when another process (or this one) holds serialport's lock on the port. */
export function isLocked(error: unknown): boolean {
  return /Cannot lock port/i.test(messageOf(error));
}

/**
 * A PortError with the next step for an error of serialport's open.
 *
 * serialport's errors have no code; their text is `strerror` and a sentence (`serialport_unix.cpp`).
 */
export async function openFault(wire: string, path: string, error: unknown): Promise<PortError> {
  const message = messageOf(error);
  const fault = (code: string, what: string, hint: string): PortError =>
    new PortError(code, `${wire}: ${what}`, { data: { path }, hint, cause: error });
  if (/No such file|ENOENT/i.test(message)) {
    return fault('port-missing', `there is no port ${path}`, await portsHint());
  }
  if (/Permission denied|EACCES|EPERM|not permitted/i.test(message)) {
    return fault('port-permission', `no permission to open ${path}`, await permissionHint(path));
  }
  if (isLocked(error)) {
    return fault(
      'port-locked',
      `${path} is locked by ${await holderOf(path)}`,
      'Close the program that uses it.',
    );
  }
  if (/Inappropriate ioctl|not a typewriter|Is a directory/i.test(message)) {
    return fault('port-not-a-tty', `${path} is not a serial port`, await portsHint());
  }
  if (/No such device|ENXIO|Input\/output error/i.test(message)) {
    return fault('port-gone', `${path} exists, but no device is behind it`, 'Plug the adapter in again.');
  }
  return fault('port-open', `${path} cannot be opened`, 'Check path, baudRate and the adapter.');
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Ports that a person may have meant. Reads /dev itself: serialport's list needs udevadm, which a container lacks. */
export async function presentPorts(dev = '/dev'): Promise<string[]> {
  const names = async (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
  const byId = (await names(join(dev, 'serial/by-id'))).map((name) => join(dev, 'serial/by-id', name));
  const plain = (await names(dev))
    .filter((name) => /^(tty(USB|ACM|AMA|mxc|O|THS|XRUSB|MSM|GS)\d+|rfcomm\d+)$/.test(name))
    .map((name) => join(dev, name));
  return [...byId.sort(), ...plain.sort()];
}

async function portsHint(): Promise<string> {
  const ports = await presentPorts();
  if (ports.length === 0) return 'No serial adapter is attached (none in /dev): plug it in.';
  return `Set path to a port that exists: ${ports.slice(0, 8).join(', ')}.`;
}

async function permissionHint(path: string): Promise<string> {
  const gid = await stat(path).then(
    (found) => found.gid,
    () => undefined,
  );
  const groups = await readFile('/etc/group', 'utf8').catch(() => '');
  const name = groups
    .split('\n')
    .find((line) => line.split(':')[2] === String(gid))
    ?.split(':')[0];
  const group = name === undefined || name === 'root' ? 'dialout' : name;
  return `Join the group that owns the port: sudo usermod -aG ${group} $USER, then log in again.`;
}

/**
 * Who holds the lock, as far as the kernel tells.
 *
 * Source: proc_locks(5): `1: FLOCK ADVISORY WRITE 1234 00:17:5 0 EOF`; the sixth field ends in the inode.
 */
async function holderOf(path: string): Promise<string> {
  try {
    const { ino } = await stat(path);
    const locks = (await readFile('/proc/locks', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
    const pid = locks.find((fields) => fields[1] === 'FLOCK' && fields[5]?.endsWith(`:${ino}`))?.[4];
    if (pid === undefined) return 'another process';
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8')).trim();
    return Number(pid) === process.pid ? `this process (${pid})` : `process ${pid} (${name})`;
  } catch {
    return 'another process';
  }
}
