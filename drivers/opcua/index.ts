/** OPC UA over opc.tcp. node-opcua itself is loaded when the first session is made, not here. */

import type { DriverModule } from '../../harness/driver.ts';
import { adapters } from './adapters.ts';
import { OpcUaDriver } from './opcua-driver.ts';
import { spec, type OpcUaSettings } from './settings.ts';

export const module: DriverModule<OpcUaSettings> = {
  kind: spec.kind,
  summary: spec.summary,
  create: (settings, context) => new OpcUaDriver(settings, context),
  adapters,
};
