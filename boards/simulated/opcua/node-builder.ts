/**
 * Makes nodes whose ids are their paths, as in the datasheet: `s=Gateway`, `s=Gateway.Version`, …
 */

import { type GatewayState } from './ipc.ts';
import { DeviceSilent } from './device-link.ts';
import {
  type AddressSpace,
  type Library,
  type Namespace,
  type UAObject,
  type UAVariable,
} from './node-opcua.ts';
import { gatewayPermissions } from './users.ts';

/** Namespace of the gateway's own nodes; index 2. */
export const gatewayUri = 'urn:fieldproof:simulated-gateway';
/** Namespace of OPC 10000-100 (Devices). */
export const devicesUri = 'http://opcfoundation.org/UA/DI/';

/** Whose browse name it is: the gateway's, of OPC 10000-100, of the standard namespace. */
export type NameOwner = 'gateway' | 'devices' | 'standard';

export type DataTypeName =
  | 'String'
  | 'UInt16'
  | 'UInt32'
  | 'UInt64'
  | 'Int16'
  | 'Double'
  | 'Boolean'
  | 'NodeId'
  | 'ByteString'
  | 'LocalizedText';

/** `dataType` may also be a node id, for a type derived from the one that travels. */
export interface ArgumentSpec {
  name: string;
  dataType: string;
  isArray?: boolean;
}

export interface Output {
  dataType: DataTypeName;
  value: unknown;
}

/** How a method call ends: an OPC UA status code by name, and the outputs if it is Good. */
export interface Outcome {
  status: StatusName;
  outputs?: Output[];
}

export type StatusName =
  | 'Good'
  | 'BadInvalidArgument'
  | 'BadInvalidState'
  | 'BadInternalError'
  | 'BadNotFound'
  | 'BadNotReadable'
  | 'BadNotSupported'
  | 'BadNotWritable'
  | 'BadOutOfMemory'
  | 'BadResourceUnavailable'
  | 'BadTimeout';

export interface MethodSpec {
  inputs?: ArgumentSpec[];
  outputs?: ArgumentSpec[];
  /** @param inputs As checked against `inputs`; a null ByteString or String is `null`. */
  run: (inputs: unknown[], session: string) => Promise<Outcome> | Outcome;
}

export interface VariableSpec {
  dataType: DataTypeName;
  owner?: NameOwner;
  /** Node id of the type; BaseDataVariableType unless given. */
  type?: string;
  /** A data type derived from `dataType`, by node id. */
  declaredType?: string;
  writable?: boolean;
  isProperty?: boolean;
}

/** The parts that matter here of what node-opcua hands to a bound method. */
interface MethodInput {
  value: unknown;
}
interface MethodContext {
  session?: { getSessionId(): { toString(): string } };
}

/** A variable that follows the device's state. */
interface Follower {
  variable: UAVariable;
  dataType: DataTypeName;
  read: (state: GatewayState) => unknown;
  last: unknown;
}

export class NodeBuilder {
  readonly addressSpace: AddressSpace;
  readonly #library: Library;
  readonly #namespace: Namespace;
  readonly #followers: Follower[] = [];

  constructor(library: Library, addressSpace: AddressSpace) {
    this.#library = library;
    this.addressSpace = addressSpace;
    this.#namespace = addressSpace.getNamespace(gatewayUri);
  }

  /** A node id of the OPC 10000-100 namespace. */
  devicesId(identifier: number): string {
    return `ns=${this.addressSpace.getNamespaceIndex(devicesUri)};i=${identifier}`;
  }

  /** @param parent `null` makes an object that no reference leads to. */
  object(path: string, parent: UAObject | 'objects' | null, owner: NameOwner, type: string): UAObject {
    const node = this.#namespace.addObject({
      nodeId: `s=${path}`,
      browseName: this.#name(path, owner),
      typeDefinition: type,
      rolePermissions: gatewayPermissions,
      ...(parent === 'objects' ? { organizedBy: this.addressSpace.rootFolder.objects } : {}),
    });
    if (parent !== 'objects' && parent !== null) this.#attach(parent, node, 'HasComponent');
    return node;
  }

  /** An AddIn (OPC 10000-3, 7.24): an object that gives another one a feature. */
  addIn(path: string, parent: UAObject, owner: NameOwner, type: string): UAObject {
    const node = this.object(path, null, owner, type);
    this.#attach(parent, node, 'HasAddIn');
    return node;
  }

  variable(path: string, parent: UAObject | UAVariable, spec: VariableSpec): UAVariable {
    const access = spec.writable === true ? 'CurrentRead | CurrentWrite' : 'CurrentRead';
    return this.#namespace.addVariable({
      nodeId: `s=${path}`,
      browseName: this.#name(path, spec.owner ?? 'gateway'),
      dataType: spec.declaredType ?? spec.dataType,
      accessLevel: access,
      userAccessLevel: access,
      rolePermissions: gatewayPermissions,
      ...(spec.isProperty === true ? { propertyOf: parent } : { componentOf: parent }),
      ...(spec.type === undefined ? {} : { typeDefinition: spec.type }),
    });
  }

  /** A variable that never changes. */
  constant(path: string, parent: UAObject | UAVariable, spec: VariableSpec, value: unknown): UAVariable {
    const variable = this.variable(path, parent, spec);
    this.set(variable, spec.dataType, value);
    return variable;
  }

  /** A variable that shows a part of the device's state. */
  follow(
    path: string,
    parent: UAObject | UAVariable,
    spec: VariableSpec,
    read: (state: GatewayState) => unknown,
  ): UAVariable {
    const variable = this.variable(path, parent, spec);
    this.#followers.push({ variable, dataType: spec.dataType, read, last: undefined });
    return variable;
  }

  set(variable: UAVariable, dataType: DataTypeName, value: unknown): void {
    variable.setValueFromSource(this.#scalar({ dataType, value }));
  }

  /** Hands a new state to all that follow it; only what differs gets a new time stamp. */
  show(state: GatewayState): void {
    for (const follower of this.#followers) {
      const value = follower.read(state);
      if (follower.last !== undefined && JSON.stringify(value) === JSON.stringify(follower.last)) continue;
      follower.last = value;
      this.set(follower.variable, follower.dataType, value);
    }
  }

  method(path: string, parent: UAObject, owner: NameOwner, spec: MethodSpec): void {
    const method = this.#namespace.addMethod(parent, {
      nodeId: `s=${path}`,
      browseName: this.#name(path, owner),
      inputArguments: (spec.inputs ?? []).map(asArgument),
      outputArguments: (spec.outputs ?? []).map(asArgument),
      rolePermissions: gatewayPermissions,
    });
    const { StatusCodes } = this.#library.ua;
    method.bindMethod(async (inputs: MethodInput[], context: MethodContext) => {
      const session = context.session?.getSessionId().toString() ?? '';
      const values = inputs.map((input) => input.value);
      const { status, outputs } = await settled(() => spec.run(values, session));
      const outputArguments = (outputs ?? []).map((output) => this.#scalar(output));
      return { statusCode: StatusCodes[status], outputArguments };
    });
  }

  /** Always a scalar: node-opcua takes the two halves of a 64-bit value for an array otherwise. */
  #scalar({ dataType, value }: Output) {
    const { DataType, VariantArrayType, coerceLocalizedText, resolveNodeId } = this.#library.ua;
    const coerced = typeof value === 'string' && dataType === 'NodeId' ? resolveNodeId(value) : value;
    return {
      dataType: DataType[dataType],
      arrayType: VariantArrayType.Scalar,
      value: dataType === 'LocalizedText' ? coerceLocalizedText(coerced as { text: string }) : coerced,
    };
  }

  #name(path: string, owner: NameOwner): { namespaceIndex: number; name: string } {
    const uri = owner === 'gateway' ? gatewayUri : owner === 'devices' ? devicesUri : '';
    const namespaceIndex = uri === '' ? 0 : this.addressSpace.getNamespaceIndex(uri);
    return { namespaceIndex, name: path.slice(path.lastIndexOf('.') + 1) };
  }

  #attach(parent: UAObject, child: UAObject, referenceType: string): void {
    parent.addReference({ referenceType, nodeId: child.nodeId, isForward: true });
  }
}

function asArgument({ name, dataType, isArray }: ArgumentSpec): {
  name: string;
  dataType: string;
  valueRank: number;
} {
  return { name, dataType, valueRank: isArray === true ? 1 : -1 };
}

async function settled(run: () => Promise<Outcome> | Outcome): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    return { status: error instanceof DeviceSilent ? 'BadTimeout' : 'BadInternalError' };
  }
}
