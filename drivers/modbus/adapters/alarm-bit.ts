/**
 * Alarms told by discrete inputs, polled. An alarm is an edge from 0 to 1 since listening began, or a step of the
 * alarm sequence that no edge explains: the same alarm raised again while it was latched.
 */

import { type Registers } from '../../../harness/capabilities.ts';
import { monotonicMs, pause } from '../../../harness/clock.ts';
import { type AdapterModule, type AdapterRoles } from '../../../harness/driver.ts';
import { BenchError } from '../../../harness/errors.ts';
import { readOne, readTable, registersOf } from './common.ts';
import { type AlarmBitSettings } from './settings.ts';

type OnAlarm = Parameters<AdapterRoles['alarm']['listen']>[0];

interface Sample {
  /** Monotonic ms before the first request of this poll: what happens later may be missing from it. */
  startMs: number;
  bits: readonly boolean[];
  sequence: number | undefined;
}

class Poller {
  readonly #registers: Registers;
  readonly #settings: AlarmBitSettings;
  readonly #onAlarm: OnAlarm;
  readonly #onFailure: (error: unknown) => void;
  #last: Sample;
  /** Edges of the poll before whose step of the sequence may still be to come: it was read before the bits. */
  #ahead = 0;
  #failedPolls = 0;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(
    registers: Registers,
    settings: AlarmBitSettings,
    baseline: Sample,
    onAlarm: OnAlarm,
    onFailure: (error: unknown) => void,
  ) {
    this.#registers = registers;
    this.#settings = settings;
    this.#last = baseline;
    this.#onAlarm = onAlarm;
    this.#onFailure = onFailure;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const stop = new Promise<void>((resolve) => (this.#wake = resolve));
      await Promise.race([pause(this.#settings.everyMs), stop]);
      if (!this.#stopped) await this.#poll();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  async #poll(): Promise<void> {
    try {
      const sample = await takeSample(this.#registers, this.#settings);
      await this.#compare(sample);
      this.#last = sample;
      this.#failedPolls = 0;
    } catch (error) {
      if (this.#stopped) return;
      this.#failedPolls += 1;
      // One lost poll loses no latched alarm: the next one covers the gap, and says so in its uncertainty.
      const dead = !(error instanceof BenchError) || this.#failedPolls === this.#settings.failAfterPolls;
      if (dead) this.#onFailure(error);
    }
  }

  async #compare(sample: Sample): Promise<void> {
    const raised = sample.bits.flatMap((bit, at) => (bit && this.#last.bits[at] === false ? [at] : []));
    for (const at of raised) this.#tell(this.#settings.objects[at]!, 'discrete input rose');
    const steps = stepsOf(this.#last.sequence, sample.sequence);
    const unexplained = steps - this.#ahead - raised.length;
    this.#ahead = Math.max(0, raised.length - steps);
    if (unexplained > 0) {
      this.#tell(
        await this.#lastObject(sample),
        `alarm sequence ${this.#last.sequence} became ${sample.sequence}`,
      );
    }
  }

  async #lastObject({ bits }: Sample): Promise<string> {
    const { objectRegister, table, objects } = this.#settings;
    if (objectRegister !== undefined) {
      const named = objects[(await readOne(this.#registers, table, objectRegister)) - 1];
      if (named !== undefined) return named;
    }
    const active = objects.filter((_, at) => bits[at]);
    return active.length === 1 ? active[0]! : 'unknown';
  }

  #tell(object: string, text: string): void {
    const atMs = monotonicMs();
    this.#onAlarm({ object, text, atMs, uncertaintyMs: atMs - this.#last.startMs });
  }
}

/** How many alarms the sequence counted. After a restart of the device it counts from 0 again. */
function stepsOf(before: number | undefined, now: number | undefined): number {
  if (before === undefined || now === undefined) return 0;
  return now >= before ? now - before : now;
}

async function takeSample(registers: Registers, settings: AlarmBitSettings): Promise<Sample> {
  const startMs = monotonicMs();
  const { sequenceRegister, table, address, objects } = settings;
  let sequence: number | undefined;
  if (sequenceRegister !== undefined) {
    const [high, low] = await readTable(registers, table, sequenceRegister, 2);
    sequence = high! * 0x10000 + low!;
  }
  return { startMs, sequence, bits: await registers.readDiscreteInputs(address, objects.length) };
}

export const alarmBit: AdapterModule<'alarm', AlarmBitSettings> = {
  name: 'modbus-alarm-bit',
  role: 'alarm',
  create(settings, wire) {
    const registers = registersOf(wire);
    return {
      async listen(onAlarm, onFailure) {
        const baseline = await takeSample(registers, settings);
        const poller = new Poller(registers, settings, baseline, onAlarm, onFailure);
        const running = poller.run();
        return async () => {
          poller.stop();
          await running;
        };
      },
    };
  },
};
