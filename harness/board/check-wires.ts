/** What only the drivers know of a board file: kinds, settings, adapters and roles, references between wires. */

import type { DriverSpec, LinkCapability } from '../driver.ts';
import { adapterUses, type PlacedUse } from './adapter-uses.ts';
import type { BoardFileContent } from './board-parts.ts';
import { fromRefsIn } from './from-ref.ts';
import { valueAt } from './issues.ts';
import { nearest, suggestion } from './nearest.ts';
import type { KeyPath, Problem } from './problem.ts';
import { checkSettings } from './settings.ts';
import { dependenciesOf, dependencyCycles } from './opening-order.ts';
import type { YamlSource } from './yaml-source.ts';

type WiresAndProfile = Pick<BoardFileContent, 'wires' | 'profile'>;

/** Everything wrong with wires, adapters and references. */
export function checkWires(
  board: WiresAndProfile,
  specs: readonly DriverSpec[],
  source: YamlSource,
): Problem[] {
  return new WireCheck(board, specs, source).run();
}

class WireCheck {
  readonly #board: WiresAndProfile;
  readonly #specs: readonly DriverSpec[];
  readonly #source: YamlSource;
  readonly #problems: Problem[] = [];

  constructor(board: WiresAndProfile, specs: readonly DriverSpec[], source: YamlSource) {
    this.#board = board;
    this.#specs = specs;
    this.#source = source;
  }

  run(): Problem[] {
    for (const name of Object.keys(this.#board.wires)) this.#wire(name);
    for (const placed of adapterUses(this.#board.profile)) this.#adapter(placed);
    const { power, commands, linkAttacks = [] } = this.#board.profile;
    if (power !== undefined) this.#needs(power, ['profile', 'power'], 'power');
    if (commands?.tap !== undefined) this.#needs(commands.tap, ['profile', 'commands', 'tap'], 'tap');
    for (const [i, wire] of linkAttacks.entries())
      this.#needs(wire, ['profile', 'linkAttacks', i], 'attacks');
    for (const cycle of dependencyCycles(this.#board, this.#specs)) {
      const names = [...cycle, cycle[0]].join(' → ');
      this.#fail(['wires', cycle[0] ?? ''], `each of these wires waits for the next: ${names}`, 'key');
    }
    return this.#problems;
  }

  #fail(path: KeyPath, message: string, place?: 'key' | 'value'): void {
    this.#problems.push(this.#source.problem(path, message, place));
  }

  #specOf(wire: string): DriverSpec | undefined {
    const kind = this.#board.wires[wire]?.driver;
    return this.#specs.find((spec) => spec.kind === kind);
  }

  #wire(name: string): void {
    const wire = this.#board.wires[name];
    const spec = this.#specOf(name);
    if (wire === undefined) return;
    if (spec === undefined) {
      const kinds = this.#specs.map(({ kind }) => kind).join(', ');
      const near = nearest(
        wire.driver,
        this.#specs.map(({ kind }) => kind),
      );
      const proposal = near === undefined ? '' : `; did you mean ${near}?`;
      this.#fail(['wires', name, 'driver'], `no driver ${wire.driver}${proposal} (known: ${kinds})`);
      return;
    }
    this.#problems.push(...checkSettings(this.#source, ['wires', name], wire.settings, spec.settings));
    this.#references(['wires', name], wire.settings, name);
    for (const { wire: other, key } of dependenciesOf(wire, spec).filter(({ reference }) => !reference)) {
      this.#exists(other, ['wires', name, key], name);
    }
  }

  #references(path: KeyPath, settings: unknown, self?: string): void {
    for (const { ref, path: below } of fromRefsIn(settings)) {
      const at = [...path, ...below];
      if (!this.#exists(ref.wire, at, self)) continue;
      const provides = this.#specOf(ref.wire)?.provides;
      if (provides === undefined || provides.includes(ref.key)) continue;
      this.#fail(at, `the wire ${ref.wire} provides no ${ref.key}${suggestion(ref.key, provides)}`);
    }
  }

  #exists(wire: string, at: KeyPath, self?: string): boolean {
    // The file's own names: a wire that is wrong in itself is there all the same.
    const names = Object.keys(valueAt(this.#source.value, ['wires']) ?? {});
    if (wire === self) this.#fail(at, `the wire ${wire} refers to itself`);
    else if (!names.includes(wire)) this.#fail(at, `no wire named ${wire}${suggestion(wire, names)}`);
    else return true;
    return false;
  }

  #needs(wire: string, at: KeyPath, capability: LinkCapability): void {
    if (!this.#exists(wire, at)) return;
    const offers = this.#specOf(wire)?.offers;
    if (offers === undefined || offers.includes(capability)) return;
    const kind = this.#board.wires[wire]?.driver;
    this.#fail(at, `the wire ${wire} (${kind}) offers ${offers.join(', ') || 'nothing'}, not ${capability}`);
  }

  #adapter({ path, use }: PlacedUse): void {
    if (!this.#exists(use.wire, [...path, 'wire'])) return;
    const spec = this.#specOf(use.wire);
    if (spec === undefined) return; // the unknown driver is reported where the wire stands
    const named = spec.adapters.filter(({ name }) => name === use.adapter);
    const adapter = named.find(({ role }) => role === use.role);
    if (adapter === undefined) {
      this.#fail(
        [...path, 'adapter'],
        noAdapter(
          use.adapter,
          use.role,
          spec,
          named.map(({ role }) => role),
        ),
      );
      return;
    }
    this.#problems.push(...checkSettings(this.#source, path, use.settings, adapter.settings));
    this.#references(path, use.settings);
  }
}

function noAdapter(name: string, role: string, spec: DriverSpec, otherRoles: readonly string[]): string {
  const fitting = spec.adapters.filter((adapter) => adapter.role === role).map((adapter) => adapter.name);
  const known = fitting.length === 0 ? `${spec.kind} has none` : `${spec.kind} has ${fitting.join(', ')}`;
  if (otherRoles.length > 0) {
    return `${name} serves as ${otherRoles.join(', ')}; here an adapter for ${role} is needed (${known})`;
  }
  const near = nearest(name, fitting);
  return `no adapter ${name} for ${role}${near === undefined ? '' : `; did you mean ${near}?`} (${known})`;
}
