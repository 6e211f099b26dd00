/**
 * The attack `repeated-sequence-number`: a message of a live secure channel arrives twice, byte for byte.
 *
 * A receiver shall close the channel when a sequence number repeats.
 * Source: OPC 10000-6 v1.05, 6.7.2.4 (sequence header) and 6.7.3 (errors); OPC 10000-4 v1.05, 7.38.2
 * (Bad_SequenceNumberInvalid, Bad_SecurityChecksFailed).
 */

import type {
  Answer,
  LinkAttack,
  LinkAttackOutcome,
  LinkTap,
  ReplayOutcome,
} from '../../harness/capabilities.ts';
import { monotonicMs } from '../../harness/clock.ts';
import { BenchError, DriverError } from '../../harness/errors.ts';
import { statusName } from './faults.ts';
import type { SessionLink } from './link.ts';
import { scan } from './message-scanner.ts';
import type { UseLink } from './node-space.ts';

const observeWithinMs = 2000;
const serverStatusState = 'i=2259'; // Server_ServerStatus_State: every server has it, and reading it changes nothing

export interface AttackParts {
  name: string;
  tap: () => LinkTap;
  use: UseLink;
  /** Ends the present session, so that the next use opens a fresh connection. */
  renew: (why: string) => Promise<void>;
}

export function repeatedSequenceNumber(parts: AttackParts): LinkAttack {
  return {
    name: 'repeated-sequence-number',
    description:
      'repeats the last message of a live OPC UA secure channel byte for byte, with its sequence number and request id',
    perform: () => perform(parts),
    control: async () => {
      await parts.renew('the control of an attack');
      await readState(parts);
    },
  };
}

async function readState({ use }: AttackParts): Promise<SessionLink> {
  return use('reading the server state', async (link) => {
    const { AttributeIds } = link.library.ua;
    const value = await link.session.read({
      nodeId: await link.nodeId(serverStatusState),
      attributeId: AttributeIds.Value,
    });
    if (value.statusCode.isBad()) throw new Error(value.statusCode.name);
    return link;
  });
}

/** The connection is fresh, and without subscriptions, so the last burst through the tap is the read's request. */
async function perform(parts: AttackParts): Promise<LinkAttackOutcome> {
  const tap = parts.tap();
  await parts.renew('repeating a message');
  const link = await readState(parts);
  if (tap.liveConnections === 0) {
    throw new DriverError('tap-unused', `${parts.name}: the connection does not pass through the tap`, {
      hint: "Check that the tap forwards to this server's host and port.",
    });
  }
  link.expectEnd(); // a close is now a finding, no loss
  const startedAtMs = monotonicMs();
  const outcome = await tap.duplicateLast({ withinMs: observeWithinMs });
  const elapsedMs = monotonicMs() - startedAtMs;
  const usable = await stillUsable(parts, link);
  const connectionClosed = outcome.connection === 'closed' || !usable;
  await parts.renew('the end of an attack').catch(() => {}); // nothing depends on this connection
  const scanner = scan(outcome.received);
  const answered = scanner.types.includes('MSG');
  return {
    answer: { ...judge(link, outcome, connectionClosed), elapsedMs },
    tookEffect: answered,
    connectionClosed,
    details: {
      messagesReceived: scanner.types,
      bytesReceived: outcome.received.length,
      connectionUsableAfterwards: usable,
      tapSaw: outcome.connection,
    },
  };
}

function judge(link: SessionLink, outcome: ReplayOutcome, closed: boolean): Pick<Answer, 'kind' | 'reason'> {
  const { types, errorMessage, garbage } = scan(outcome.received);
  if (types.includes('MSG')) return { kind: 'accepted', reason: 'the repeated message was answered' };
  if (errorMessage !== undefined) {
    return { kind: 'refused', reason: statusName(link.library, errorMessage.statusCode) };
  }
  if (garbage) return { kind: 'garbage' };
  return { kind: closed ? 'closed' : 'silent' };
}

/** Does the attacked channel itself still serve? A new one would prove nothing. */
async function stillUsable(parts: AttackParts, link: SessionLink): Promise<boolean> {
  if (!link.alive) return false;
  try {
    return (await readState(parts)) === link;
  } catch (error) {
    if (error instanceof BenchError) return false;
    throw error;
  }
}
