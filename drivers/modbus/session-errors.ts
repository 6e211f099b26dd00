/** What the session says when something fails: numbers, and the next step. */

import { DriverError, FrameError, PortError, TimeoutError } from '../../harness/errors.ts';
import { type Exchange } from './exchange.ts';
import { expectedAnswerBytes } from './frames.ts';
import { functionName } from './functions.ts';
import { type Framing } from './transports/framing.ts';

export function notOpen(who: string): DriverError {
  return new DriverError('not-open', `${who} is closed`, { hint: 'Open the driver first.' });
}

export function alreadyOpen(who: string): DriverError {
  return new DriverError('already-open', `${who} is already open`, { hint: 'Close it first.' });
}

export function closedMeanwhile(who: string): DriverError {
  return new DriverError('closed', `${who} was closed with the request under way`);
}

export function deviceOff(who: string): PortError {
  return new PortError('device-off', `${who}: the device's power was cut with the request under way`);
}

export function lineNotSilent(who: string, waitedMs: number): FrameError {
  return new FrameError(
    'line-not-silent',
    `${who}: bytes without a request kept coming for ${Math.round(waitedMs)} ms; nothing was sent`,
    {
      data: { waitedMs },
      hint: 'Look for a second master, a wrong baud rate, or missing bias resistors on the line.',
    },
  );
}

export function broken(who: string, error: FrameError): FrameError {
  return new FrameError(error.code, `${who}: ${error.message}`, {
    data: error.data,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

export function wrongAnswer(
  who: string,
  exchange: Exchange,
  complaint: string,
  unitAndPdu: Buffer,
): FrameError {
  return new FrameError('wrong-answer', `${who} unit ${exchange.unit}: ${complaint}`, {
    data: { unit: exchange.unit, function: exchange.pdu[0], answer: unitAndPdu.toString('hex') },
    hint: 'Look at the bytes in the record; a late answer, or a gateway that mixes up its clients, looks like this.',
  });
}

export function noReply(
  who: string,
  exchange: Exchange,
  replyWithinMs: number,
  framing: Pick<Framing, 'partialBytes' | 'announcedBytes' | 'overheadBytes'>,
): TimeoutError {
  const { unit, pdu, strays, lastStray } = exchange;
  const pduBytes = expectedAnswerBytes(pdu);
  const due = pduBytes === undefined ? undefined : pduBytes + framing.overheadBytes;
  const wanted = framing.announcedBytes ?? due ?? 'an unknown number of';
  const came = framing.partialBytes;
  const others = strays === 0 ? '' : `; ${strays} other answers were discarded, the last of ${lastStray}`;
  return new TimeoutError(
    'no-reply',
    `${who} unit ${unit}: no reply to ${functionName(pdu[0]!)} within ${replyWithinMs} ms ` +
      `(${came} of ${wanted} bytes)${others}`,
    {
      data: { unit, function: pdu[0], replyWithinMs, bytes: came, strays },
      hint:
        came === 0
          ? `Is unit id ${unit} right, and is the device up?`
          : 'The answer broke off: check the line, or raise replyWithinMs.',
    },
  );
}
