/** Wires and adapters in a board file, in two degrees of exactness: for loading, and for the editors' JSON Schema. */

import { z } from 'zod';
import type { AdapterRole, DriverSpec } from '../driver.ts';
import { boardSchema, type AdapterUse, type BoardParts } from './board-schema.ts';
import { kebab } from './names.ts';

const driverKey = z.string({ error: 'the kind of driver is needed (see `fieldproof list drivers`)' });
const adapterKey = z.string({ error: 'the name of an adapter is needed' });
const wireKey = kebab.describe('Name of the wire that the adapter works on');

/**
 * For loading: shape only, settings unparsed. References may still stand in them, and each driver's and adapter's
 * own schema has its say afterwards, so that one wrong wire does not hide the errors of the others.
 */
export const looseParts: BoardParts = {
  wire: z.looseObject({ driver: driverKey }).transform(({ driver, ...settings }) => ({ driver, settings })),
  adapter: (role) =>
    z.looseObject({ adapter: adapterKey, wire: wireKey }).transform((use) => asUse(role, use)),
  ingress: (activate) =>
    z
      .looseObject({ adapter: adapterKey, wire: wireKey, activate: activate.optional() })
      .transform(({ activate: own, ...use }) => ({
        ...asUse('ingress', use),
        ...(own === undefined ? {} : { activate: own }),
      })),
};

function asUse(role: AdapterRole, use: { adapter: string; wire: string }): AdapterUse {
  const { adapter, wire, ...settings } = use;
  return { adapter, wire, role, settings };
}

/** The schema by which board files are loaded. */
export const boardFileSchema = boardSchema(looseParts);

/** A board file as loaded: shape checked, references and adapter settings still to be resolved. */
export type BoardFileContent = z.output<typeof boardFileSchema>;

/** For editors: each driver and adapter with its own settings, so that they complete by `driver:` and `adapter:`. */
export function exactParts(specs: readonly DriverSpec[]): BoardParts {
  const use = (role: AdapterRole, extra: z.ZodRawShape = {}): z.ZodType<AdapterUse> => {
    const branches = specs.flatMap((spec) =>
      spec.adapters
        .filter((adapter) => adapter.role === role)
        .map((adapter) =>
          z
            .strictObject({
              adapter: z.literal(adapter.name).describe(adapter.summary),
              wire: wireKey,
              ...adapter.settings.shape,
              ...extra,
            })
            .meta({ title: `${adapter.name} (${spec.kind})`, description: adapter.summary }),
        ),
    );
    return anyOf(branches) as unknown as z.ZodType<AdapterUse>;
  };
  const wires = specs.map((spec) =>
    z
      .strictObject({ driver: z.literal(spec.kind).describe(spec.summary), ...spec.settings.shape })
      .meta({ title: spec.kind, description: spec.summary }),
  );
  return {
    wire: anyOf(wires) as unknown as BoardParts['wire'] & z.ZodType,
    adapter: (role) => use(role),
    ingress: (activate) => use('ingress', { activate: activate.optional() }),
  };
}

/** A union of however many; of none, nothing fits. */
function anyOf(branches: readonly z.ZodType[]): z.ZodType {
  const [first, ...rest] = branches;
  return first === undefined ? z.never() : z.union([first, ...rest]);
}
