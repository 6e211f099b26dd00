import assert from 'node:assert/strict';
import type { AdapterRole, AdapterRoles, Driver } from '../../../harness/driver.ts';
import { module } from '../index.ts';
import { spec } from '../settings.ts';

/** As the bench makes an adapter: settings checked by the spec, then the module's create. */
export function adapter<Role extends AdapterRole>(
  role: Role,
  name: string,
  settings: object,
  wire: Driver,
): AdapterRoles[Role] {
  const checked = spec.adapters.find((entry) => entry.name === name)?.settings.parse(settings);
  const found = module.adapters.find((entry) => entry.name === name && entry.role === role);
  assert.ok(found !== undefined && checked !== undefined, name);
  return found.create(checked as never, wire) as AdapterRoles[Role];
}
