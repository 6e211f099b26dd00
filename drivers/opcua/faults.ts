/** From node-opcua's errors, which carry their meaning in prose, to errors that say whose fault it is. */

import {
  BenchError,
  DeviceException,
  DriverError,
  FrameError,
  PortError,
  TimeoutError,
  type ErrorDetails,
} from '../../harness/errors.ts';
import type { Answer } from '../../harness/capabilities.ts';
import type { OpcUaLibrary } from './library.ts';
import type { Wire } from './recording-transport.ts';
import type { OpcUaSettings } from './settings.ts';

/** Status codes that mean: this session or channel is over; another one may work. */
const sessionOver = new Set([
  'BadSessionIdInvalid',
  'BadSessionClosed',
  'BadSessionNotActivated',
  'BadSecureChannelIdInvalid',
  'BadSecureChannelClosed',
  'BadConnectionClosed',
  'BadTcpSecureChannelUnknown',
]);

/** What to try next, by the server's status. */
const hints: Readonly<Record<string, string>> = {
  BadUserAccessDenied:
    'Check user name and password, and what this user may do, in the board file under "user".',
  BadIdentityTokenRejected:
    'Check user name and password in the board file under "user"; a user certificate must be trusted by the device.',
  BadIdentityTokenInvalid: 'Check that the server offers this kind of user; see "user" in the board file.',
  BadCertificateUntrusted:
    "Trust our client certificate on the device: clientCertificate in the board file, or pki/own/certs/client.pem in this wire's state folder.",
  BadSecurityChecksFailed:
    "The device may not trust our client certificate (clientCertificate in the board file, or pki/own/certs/client.pem in this wire's state folder): servers do not tell strangers why they refuse them. Their own logs do.",
  BadSecurityPolicyRejected:
    'Check securityMode and securityPolicy in the board file: the device takes others.',
  BadSecurityModeRejected: 'Check securityMode in the board file: the device takes another.',
  BadCertificateUriInvalid:
    'Make applicationUri in the board file and the one in the client certificate agree.',
  BadCertificateTimeInvalid:
    "Check the device's clock and this computer's; the certificate is outside its dates.",
  BadNotExecutable: 'Check in the board file under "user" who calls the method: not everybody may.',
  BadNodeIdUnknown: 'Browse the server for the right node id; ns=N may have changed, nsu=URI does not.',
  BadTooManySessions: 'Close other OPC UA clients, or wait until their sessions have timed out.',
  BadTooManyOperations: 'Ask for fewer things at once.',
};

/** The status name that an error carries, if any: from a response, or from node-opcua's prose. */
export function statusNameOf(library: OpcUaLibrary, error: unknown): string | undefined {
  if (error instanceof DeviceException) return error.data['status'] as string | undefined;
  const carried = error as {
    statusCode?: { name?: string };
    response?: { responseHeader?: { serviceResult?: { name?: string } } };
  };
  const name = carried.statusCode?.name ?? carried.response?.responseHeader?.serviceResult?.name;
  if (name !== undefined && name !== 'Good') return name;
  const prose = error instanceof Error ? error.message : String(error);
  return prose.match(/\bBad[A-Z]\w+/g)?.find((word) => word in library.ua.StatusCodes);
}

/** How node-opcua says that the connection is gone; anything else is a request that it could not make. */
const linkProse = /socket|connection|channel|not connected|disconnect|transport|no session|session .*closed/i;

/** A DeviceException with the server's status name. */
export function deviceSays(what: string, status: string, details: ErrorDetails = {}): DeviceException {
  return new DeviceException('opcua-status', `${what}: the server answered ${status}`, {
    ...(hints[status] === undefined ? {} : { hint: hints[status] }),
    ...details,
    data: { ...details.data, status },
  });
}

/** The name of a numeric status code: `BadSecurityChecksFailed`, or hex where node-opcua knows none. */
export function statusName(library: OpcUaLibrary, code: number): string {
  const all = Object.values(library.ua.StatusCodes) as readonly { value: number; name: string }[];
  const known = all.find((status) => status.value === code);
  return known?.name ?? `0x${code.toString(16).padStart(8, '0')}`;
}

/** True when the server ended session or channel, so that the link is of no more use. */
export function meansSessionOver(error: unknown): boolean {
  return error instanceof DeviceException && sessionOver.has(String(error.data['status']));
}

/** Why a connection ended, in order of how much is known. */
export function endOf(library: OpcUaLibrary, what: string, wire: Wire | undefined): BenchError {
  const details: ErrorDetails = wire?.cause === undefined ? {} : { cause: wire.cause };
  const said = wire?.scanner.errorMessage;
  if (said !== undefined) {
    const status = statusName(library, said.statusCode);
    const text = said.reason === '' ? '' : ` (${said.reason})`;
    const hint = hints[status];
    return new PortError('link-lost', `${what}: the server closed the connection with ${status}${text}`, {
      data: { status, reason: said.reason },
      ...(hint === undefined ? {} : { hint }),
    });
  }
  if (wire?.scanner.garbage === true) {
    return new FrameError(
      'not-opcua',
      `${what}: ${wire.receivedBytes} bytes came that are no OPC UA messages`,
      {
        ...details,
        data: { receivedBytes: wire.receivedBytes },
        hint: 'Check that host and port lead to an OPC UA server (opc.tcp).',
      },
    );
  }
  const code = wire?.connected === true ? 'link-lost' : 'no-connection';
  return new PortError(code, `${what}: ${howItEnded(wire)}`, {
    ...details,
    hint: 'Check that the device runs and the cable is in; the next use connects again.',
  });
}

function howItEnded(wire: Wire | undefined): string {
  if (wire === undefined) return 'there is no connection';
  const errno = (wire.cause as NodeJS.ErrnoException | undefined)?.code;
  if (!wire.connected) return `cannot connect (${errno ?? wire.cause?.message ?? 'no reason given'})`;
  if (errno === 'ECONNRESET') return 'the connection was reset by the device (ECONNRESET)';
  return `the device closed the connection after ${wire.receivedBytes} bytes${errno === undefined ? '' : ` (${errno})`}`;
}

/**
 * Any error of a request as a BenchError.
 *
 * @param what begins the sentence: wire, request and node
 */
export function toBenchError(library: OpcUaLibrary, what: string, error: unknown): BenchError {
  if (error instanceof BenchError) return error;
  const status = statusNameOf(library, error);
  if (status !== undefined) return deviceSays(what, status, { cause: error });
  const prose = error instanceof Error ? error.message : String(error);
  if (/timed out|Timeout\(/i.test(prose)) {
    return new TimeoutError('deadline', `${what}: no reply (${prose})`, { cause: error });
  }
  if (linkProse.test(prose)) return new PortError('link-lost', `${what}: ${prose.trim()}`, { cause: error });
  return new DriverError('opcua-client', `${what}: ${prose.trim()}`, { cause: error });
}

/** Statuses by which a server says that the call itself was made wrongly: they judge our board file, not the content. */
const callWasWrong = new Set([
  'BadNodeIdUnknown',
  'BadNodeIdInvalid',
  'BadMethodInvalid',
  'BadArgumentsMissing',
  'BadTooManyArguments',
  'BadTypeMismatch',
]);

/**
 * How the device met a stimulus that ended in this error. Only what the device did becomes an answer.
 *
 * @throws the error itself when it is the bench's: wrong settings or node ids, no connection to begin with
 */
export function answerTo(error: unknown): Pick<Answer, 'kind' | 'reason'> {
  if (error instanceof DeviceException && !callWasWrong.has(String(error.data['status'])))
    return { kind: 'refused', reason: String(error.data['status']) };
  if (error instanceof TimeoutError) return { kind: 'silent' };
  if (error instanceof FrameError) return { kind: 'garbage', reason: error.message };
  if (error instanceof PortError && error.code === 'link-lost') {
    const status = error.data['status'];
    return typeof status === 'string' ? { kind: 'closed', reason: status } : { kind: 'closed' };
  }
  throw error;
}

/** Statuses by which a server says that a channel without security is not enough. */
const insecure = new Set([
  'BadSecurityPolicyRejected',
  'BadSecurityModeRejected',
  'BadSecurityModeInsufficient',
]);
/** Statuses by which a server says that it serves nobody whom it does not know. */
const unknownUser = new Set(['BadIdentityTokenInvalid', 'BadIdentityTokenRejected', 'BadUserAccessDenied']);

/**
 * Why a server gave no session, where that is its answer to whoever comes without protection. With a security policy,
 * a name or a certificate of ours, a refusal may be our own mistake, and is no answer.
 *
 * @returns the status name, or undefined where the error is the bench's
 */
export function turnedAway(
  { securityMode, user }: Pick<OpcUaSettings, 'securityMode' | 'user'>,
  error: unknown,
): string | undefined {
  if (!(error instanceof DeviceException) || securityMode !== 'None') return undefined;
  const status = String(error.data['status']);
  return insecure.has(status) || (user.kind === 'anonymous' && unknownUser.has(status)) ? status : undefined;
}
