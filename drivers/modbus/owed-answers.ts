/**
 * Answers that a device on a line may still owe. RTU names no request in an answer, so that one which comes after its
 * deadline, and after the rest of the line, looks like the next one's. But a device answers in the order in which it
 * was asked: while it owes an answer of that function, what fits may be the owed one, and the right one comes last.
 */

import { EXCEPTION_BIT } from './functions.ts';

export class OwedAnswers {
  readonly #functions = new Set<number>();

  /** A request was given up without its answer. */
  owes(functionCode: number): void {
    this.#functions.add(functionCode & ~EXCEPTION_BIT);
  }

  /** Whether a fitting answer to this function may be an earlier request's. */
  maybe(functionCode: number): boolean {
    return this.#functions.has(functionCode & ~EXCEPTION_BIT);
  }

  /** A request has its own answer, or nothing can come any more: all before it is settled. */
  settled(): void {
    this.#functions.clear();
  }
}
