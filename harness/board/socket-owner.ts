/** Which process has a unix socket open: for an owner that cannot answer for itself. Linux only. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Ids of the processes that hold the listening socket of this name, as far as we may look; empty when none is seen.
 *
 * @param address as given to `listen`: an abstract name starts with a zero byte
 * Source: proc(5), /proc/net/unix (path last, an abstract name's zero bytes shown as @) and /proc/PID/fd.
 */
export function processesWithSocket(address: string): number[] {
  if (process.platform !== 'linux') return [];
  try {
    const shown = address.replaceAll('\0', '@');
    const rows = readFileSync('/proc/net/unix', 'utf8').split('\n');
    const fields = rows.filter((row) => row.endsWith(` ${shown}`)).map((row) => row.trim().split(/\s+/));
    // Num RefCount Protocol Flags Type St Inode Path; flag 0x10000 is a listening socket
    const listening = fields.find((row) => (Number.parseInt(row[3] ?? '', 16) & 0x10000) !== 0);
    const inode = listening?.[6];
    if (inode === undefined) return [];
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => hasSocket(pid, inode)).map(Number);
  } catch {
    return []; // /proc is not mounted: then nobody can be named
  }
}

function hasSocket(pid: string, inode: string): boolean {
  const link = (fd: string): string | undefined => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return undefined; // closed meanwhile
    }
  };
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => link(fd) === `socket:[${inode}]`);
  } catch {
    return false; // gone meanwhile, or another user's
  }
}
