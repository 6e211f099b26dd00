/** REP-06: the counter's edges, each with a fresh timestamp and a right MAC. */

import { everyOne, type CaseContext } from '../../harness/index.ts';
import type { Sender } from './messages.ts';

/** Equal, lower, beyond the declared gap, at the maximum, and wrapped to zero. */
export async function mustIgnoreCounters(t: CaseContext, sender: Sender): Promise<void> {
  sender.mustCarry('counter');
  const maximumGap = sender.declared.counter?.maximumGap;
  const { counter } = sender;
  const attacks: [name: string, rationale: string, counter: number][] = [
    ['counter equal to the last accepted', 'each counter counts once', counter],
    ['counter one lower than the last accepted', 'counters only rise', Math.max(0, counter - 1)],
    ['counter wrapped to zero', 'a wrapped counter would make every old message new', 0],
  ];
  if (maximumGap === undefined) {
    t.note('far counters not tried: no largest gap is declared, and accepting one would lock the device');
  } else {
    attacks.push(
      [
        'counter beyond the declared gap',
        `the largest declared gap is ${maximumGap}`,
        counter + maximumGap + 1,
      ],
      [
        'counter at its maximum',
        'accepting it would leave no counter for legitimate senders',
        sender.largestCounter,
      ],
    );
  }
  await everyOne(t, attacks, ([name, rationale, value]) =>
    sender.mustNotObey(name, rationale, sender.sealed({ ...sender.next(), counter: value })),
  );
}
