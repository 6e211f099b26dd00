/** What a board file may say about an OPC UA wire and its adapters. Light: loads nothing but zod. */

import { z } from 'zod';
import type { AdapterSpec, DriverSpec } from '../../harness/driver.ts';

const nodeId = (what: string) =>
  z
    .string()
    .regex(
      /^(?:(?:ns=\d+|nsu=[^;]+);)?[isgb]=.+$/,
      'a node id looks like ns=2;s=Name, nsu=urn:maker:device;s=Name or i=2253',
    )
    .describe(`${what}, as ns=2;s=Name or nsu=urn:maker:device;s=Name (the URI survives a renumbering)`);

const milliseconds = (what: string, preset: number) => z.int().positive().default(preset).describe(what);

const userSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('anonymous') }),
    z.strictObject({ kind: z.literal('name'), name: z.string().min(1), password: z.string() }),
    z.strictObject({
      kind: z.literal('certificate'),
      certificateFile: z.string().min(1).describe('PEM or DER, relative to the board file'),
      keyFile: z.string().min(1).describe('PEM private key of the certificate, relative to the board file'),
    }),
  ])
  .default({ kind: 'anonymous' })
  .describe('who logs in; without encryption on the channel a password may cross the wire in clear');

export const settingsSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe("the server's host name or address"),
  port: z.int().min(1).max(65535).optional().describe('TCP port of the server; required without a tap'),
  path: z
    .string()
    .regex(/^\//, 'starts with a slash')
    .optional()
    .describe('path of the endpoint URL, such as /UA/Server'),
  securityMode: z.enum(['None', 'Sign', 'SignAndEncrypt']).default('SignAndEncrypt'),
  securityPolicy: z
    .enum(['None', 'Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'])
    .optional()
    .describe('default: None for mode None, else Basic256Sha256'),
  user: userSchema,
  trust: z
    .enum(['first-use', 'this-run', 'pinned'])
    .default('first-use')
    .describe(
      "first-use remembers the server's certificate in the wire's state folder; this-run forgets it when the wire is opened anew (for devices that make new keys); pinned compares with serverCertificate",
    ),
  serverCertificate: z
    .string()
    .optional()
    .describe('for trust: pinned: a PEM or DER file, or the SHA-1 or SHA-256 thumbprint in hex'),
  clientCertificate: z
    .strictObject({
      certificateFile: z.string().min(1).describe('PEM or DER, relative to the board file'),
      keyFile: z.string().min(1).describe('PEM private key of the certificate, relative to the board file'),
    })
    .optional()
    .describe(
      'our own application certificate, where the device trusts only those of an authority; its URI must be applicationUri. Default: a self-signed one, made once in the state folder of the wire',
    ),
  applicationUri: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]*:.+/i, 'is a URI')
    .default('urn:fieldproof:bench')
    .describe('our own application URI, also in our certificate'),
  connectWithinMs: milliseconds('for connection, secure channel and session together', 10_000),
  replyWithinMs: milliseconds('for each request', 5_000),
  publishingMs: milliseconds('publishing interval asked for by subscriptions', 100),
  tap: z
    .string()
    .optional()
    .describe("name of a tap wire in front of the server: connections go to the tap's host and port"),
});

/** Settings of an OPC UA wire, with every default filled in. */
export type OpcUaSettings = z.infer<typeof settingsSchema>;

const variantSchema = z.strictObject({
  type: z.string().min(1).describe('OPC UA built-in type: Boolean, UInt32, String, ByteString, DateTime …'),
  value: z.unknown().describe('ByteString and Guid as text: hex for ByteString'),
});

export const nodeSchema = z.strictObject({
  nodeId: nodeId('the variable to read'),
});

export const identitySchema = z.strictObject({
  nodes: z
    .record(z.string(), nodeId('the variable'))
    .describe('name of the identity item (vendor, model, serial) → node id'),
});

export const callSchema = z.strictObject({
  objectId: nodeId('the object that owns the method'),
  methodId: nodeId('the method'),
  inputs: z.array(variantSchema).default([]).describe('input arguments in order'),
  withinMs: milliseconds('for the answer', 30_000),
});

export const writeSchema = variantSchema.extend({
  nodeId: nodeId('the variable to write'),
});

export const softwareUpdateSchema = z.strictObject({
  nodeId: nodeId('the SoftwareUpdate object (OPC 10000-100 SoftwareUpdateType)'),
  loadingId: nodeId('the Loading object, where browsing does not find it').optional(),
  fileTransferId: nodeId('the FileTransfer object, where browsing does not find it').optional(),
  fileVersion: z
    .enum(['current', 'pending', 'fallback'])
    .default('pending')
    .describe(
      'which file is written: pending for CachedLoading, current for DirectLoading (SoftwareVersionFileType)',
    ),
  chunkBytes: z
    .int()
    .positive()
    .optional()
    .describe("bytes per Write; default 32768 or the server's MaxByteStringLength, if smaller"),
  verifyWithinMs: milliseconds('for the device to check the file after CloseAndCommit', 60_000),
});

export const installSchema = z.strictObject({
  nodeId: nodeId('the SoftwareUpdate object'),
  manufacturerUri: z.string().optional().describe("default: the PendingVersion's ManufacturerUri"),
  softwareRevision: z.string().optional().describe("default: the PendingVersion's SoftwareRevision"),
  patchIdentifiers: z.array(z.string()).default([]),
  hash: z
    .string()
    .regex(/^([0-9a-f]{2})*$/i)
    .default('')
    .describe('hash of the package in hex; may be empty'),
  withinMs: milliseconds('for the answer', 60_000),
});

export const confirmSchema = z.strictObject({
  nodeId: nodeId('the SoftwareUpdate object'),
  withinMs: milliseconds('for the answer', 30_000),
});

export const alarmSchema = z.strictObject({
  nodeId: nodeId('the notifier').default('i=2253').describe('the notifier; i=2253 is the Server object'),
  objectField: z.string().default('SourceName').describe('event field that names the object'),
  textField: z.string().default('Message').describe('event field with the text'),
  objects: z
    .record(z.string(), z.string())
    .optional()
    .describe("the device's word for an object → the declaration's; events about others are not alarms"),
  minimumSeverity: z.int().min(0).max(1000).default(0).describe('events below it are not alarms'),
  publishingMs: z.int().positive().optional().describe("default: the wire's publishingMs"),
});

export const commandSchema = z.strictObject({
  objectId: nodeId('the object that owns the method'),
  methodId: nodeId('the method that takes the message as its only argument'),
  accepted: z.array(z.int()).default([0]).describe('results in the first output argument that mean accepted'),
  refused: z
    .record(z.string().regex(/^\d+$/), z.string())
    .default({})
    .describe("result → the device's reason; results in neither list are refusals without a reason"),
  withinMs: milliseconds('for the answer', 10_000),
});

const adapters: readonly AdapterSpec[] = [
  {
    name: 'opcua-node',
    role: 'value',
    summary: 'a term from the Value attribute of a variable',
    settings: nodeSchema,
  },
  {
    name: 'opcua-identity',
    role: 'identity',
    summary: 'several variables read at once: who the device says it is',
    settings: identitySchema,
  },
  { name: 'opcua-call', role: 'action', summary: 'a method call', settings: callSchema },
  {
    name: 'opcua-write',
    role: 'action',
    summary: 'a write of the Value attribute of a variable',
    settings: writeSchema,
  },
  {
    name: 'opcua-software-update',
    role: 'ingress',
    summary: 'firmware through the file transfer of OPC UA DI SoftwareUpdate (OPC 10000-100)',
    settings: softwareUpdateSchema,
  },
  {
    name: 'opcua-software-install',
    role: 'action',
    summary: 'InstallSoftwarePackage of OPC UA DI SoftwareUpdate, for the pending version',
    settings: installSchema,
  },
  {
    name: 'opcua-software-confirm',
    role: 'action',
    summary: 'Confirm of OPC UA DI SoftwareUpdate',
    settings: confirmSchema,
  },
  {
    name: 'opcua-alarm-event',
    role: 'alarm',
    summary: 'events of a notifier as alarms',
    settings: alarmSchema,
  },
  {
    name: 'opcua-command',
    role: 'messages',
    summary: 'a command message as the ByteString argument of a method',
    settings: commandSchema,
  },
];

export const spec: DriverSpec = {
  kind: 'opcua',
  summary: 'an OPC UA server over opc.tcp: nodes, methods, events, files, software update',
  settings: settingsSchema,
  dependencies: ['tap'],
  adapters,
};
