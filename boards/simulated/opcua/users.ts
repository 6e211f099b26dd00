/**
 * The two users of the module and what each may do.
 *
 * Source: OPC 10000-3, 1.05, 8.55 (PermissionType) and OPC 10000-18, 1.05, 4.2 (well-known roles).
 */

import { createHash, timingSafeEqual } from 'node:crypto';

interface User {
  password: string;
  role: 'Operator' | 'Engineer';
}

const users = new Map<string, User>([
  ['operator', { password: 'operate-sg1', role: 'Operator' }],
  ['engineer', { password: 'engineer-sg1', role: 'Engineer' }],
]);

/** Node ids (namespace 0) of the well-known roles. */
const roleIds = { Operator: 15680, Engineer: 16036 } as const;

/** Bits of PermissionType. */
const permission = { browse: 0x1, read: 0x20, write: 0x40, receiveEvents: 0x800, call: 0x1000 } as const;

const reads = permission.browse | permission.read | permission.receiveEvents;

/** Put on every node of the gateway: the operator reads, the engineer also writes and calls. */
export const gatewayPermissions = [
  { roleId: `i=${roleIds.Operator}`, permissions: reads },
  { roleId: `i=${roleIds.Engineer}`, permissions: reads | permission.write | permission.call },
];

export function isUser(name: string, password: string): boolean {
  const known = users.get(name);
  const equal = timingSafeEqual(sha256(password), sha256(known?.password ?? ''));
  return known !== undefined && equal;
}

/** The role's node id in namespace 0, or `null` for a stranger. */
export function roleIdOf(name: string): number | null {
  const user = users.get(name);
  return user === undefined ? null : roleIds[user.role];
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
