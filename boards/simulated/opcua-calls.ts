/** What the OPC UA module may ask of the device. */

import { type Gateway } from './gateway.ts';
import { type Step } from './trial-steps.ts';

interface CallBase {
  type: 'call';
  id: number;
}

export type ModuleMessage =
  | { type: 'listening'; port: number; fingerprint: string }
  | { type: 'log'; event: string; object: string; result: string; text: string }
  | (CallBase & { what: 'send-command'; message: string })
  | (CallBase & { what: 'firmware'; name: string; bytes: string })
  | (CallBase & { what: 'activate' | 'confirm' | 'discard' });

export type Call = Extract<ModuleMessage, CallBase>;

export interface CallAnswer {
  result: { ok: true; result?: number } | { ok: false; reason: string };
  /** Reset the device once the answer has been sent. */
  reset?: true;
}

/** Bytes in a call are base64. */
export function answerCall(gateway: Gateway, call: Call): CallAnswer {
  const { updater } = gateway;
  switch (call.what) {
    case 'send-command':
      return { result: { ok: true, result: gateway.commands.receive(Buffer.from(call.message, 'base64')) } };
    case 'firmware':
      return offer(gateway, Buffer.from(call.bytes, 'base64'));
    case 'activate': {
      const answer = step(updater.activate());
      return answer.result.ok ? { ...answer, reset: true } : answer;
    }
    case 'confirm':
      return step(updater.confirm());
    case 'discard':
      return step(updater.discard());
    default:
      return { result: { ok: false, reason: 'unknown' } };
  }
}

function offer({ updater }: Gateway, bytes: Buffer): CallAnswer {
  const begun = updater.begin('software-update', bytes.length);
  if (!begun.ok) return { result: { ok: false, reason: begun.reason } };
  updater.write(bytes);
  const outcome = updater.finish();
  return { result: outcome.ok ? { ok: true } : { ok: false, reason: outcome.reason } };
}

function step(outcome: Step): CallAnswer {
  return { result: outcome.ok ? { ok: true } : { ok: false, reason: outcome.word } };
}
