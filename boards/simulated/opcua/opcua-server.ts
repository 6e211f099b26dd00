/**
 * The OPC UA server itself: endpoints, users, address space, events.
 *
 * Basic256Sha256 and Aes256_Sha256_RsaPss, each with Sign and SignAndEncrypt; mode None serves discovery only.
 */

import { type DeviceLink } from './device-link.ts';
import { FileTransaction } from './file-transaction.ts';
import { acceptNullOptions, maximumFileBytes } from './file-nodes.ts';
import { addGateway } from './gateway-nodes.ts';
import { type AlarmMessage, type GatewayState, type StartMessage } from './ipc.ts';
import { gatewayUri, NodeBuilder } from './node-builder.ts';
import { type Library, type OPCUAServer } from './node-opcua.ts';
import { openPki, type Pki } from './pki.ts';
import { addSoftwareUpdate } from './software-update.ts';
import { trimmedNodesets } from './trimmed-nodeset.ts';
import { closeUnopenedChannels } from './unopened-channels.ts';
import { isUser, roleIdOf } from './users.ts';

const address = '127.0.0.1';
const alarmSeverity = 800;
const longestLoggedName = 64;
/** The defect that bears any silence of a client. */
const waitsForEver = 'waits-for-ever';

export interface RunningServer {
  /** The port that it listens on. */
  port: number;
  fingerprint: string;
  show: (state: GatewayState) => void;
  raise: (alarm: AlarmMessage) => void;
}

/** Starts the server on a free port of 127.0.0.1. */
export async function startOpcuaServer(
  library: Library,
  start: StartMessage,
  device: DeviceLink,
): Promise<RunningServer> {
  const { identity, stateDir } = start;
  const applicationUri = `urn:fieldproof:sg1:${identity.serial}`;
  const pki = await openPki(library, stateDir, applicationUri, `${identity.model} ${identity.serial}`);
  const server = makeServer(library, start, pki, applicationUri, device);
  await server.initialize();
  limitEndpoints(library, server, start.publicPort);
  const content = addContent(library, server, start, device);
  acceptNullOptions(library, server);
  closeUnopenedChannels(server, device);
  await server.start();
  const port = server.endpoints[0]?.port;
  if (port === undefined) throw new Error('the OPC UA server started without an endpoint');
  return { port, fingerprint: pki.fingerprint, ...content };
}

function makeServer(
  library: Library,
  { identity }: StartMessage,
  pki: Pki,
  applicationUri: string,
  device: DeviceLink,
): OPCUAServer {
  const { SecurityPolicy, MessageSecurityMode } = library.ua;
  return new library.server.OPCUAServer({
    host: address,
    hostname: address,
    port: 0,
    securityModes: [MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss],
    allowAnonymous: false,
    nodesets: trimmedNodesets(library.nodesets, gatewayUri),
    serverCertificateManager: pki.clients,
    // Never asked: no endpoint takes a certificate as a user token (see limitEndpoints).
    userCertificateManager: pki.clients,
    certificateFile: pki.certificateFile,
    privateKeyFile: pki.privateKeyFile,
    userManager: usersOf(library, device),
    serverInfo: {
      applicationUri,
      applicationName: { text: identity.model, locale: 'en' },
      productUri: 'urn:fieldproof:sg1',
    },
    buildInfo: {
      productName: identity.model,
      manufacturerName: identity.vendor,
      productUri: 'urn:fieldproof:sg1',
    },
  });
}

function usersOf(library: Library, device: DeviceLink) {
  return {
    isValidUser: (name: string, password: string): boolean => {
      if (isUser(name, password)) return true;
      device.log({ event: 'login-refused', object: 'opcua', result: 'refused', text: printable(name) });
      return false;
    },
    getUserRoles: (name: string) => {
      const role = roleIdOf(name);
      return role === null ? [] : [library.ua.resolveNodeId(`i=${role}`)];
    },
  };
}

/** A name from the wire, made fit for a log line. */
function printable(name: string): string {
  return name.slice(0, longestLoggedName).replace(/[^\x20-\x7e]/g, '?');
}

/** Endpoints name the port at which clients come in, and take a user name and nothing else. */
function limitEndpoints(library: Library, server: OPCUAServer, publicPort: number): void {
  const endpointUrl = `opc.tcp://${address}:${publicPort}`;
  for (const endpoint of server.endpoints) {
    for (const description of endpoint.endpointDescriptions()) {
      Object.defineProperty(description, 'endpointUrl', { value: endpointUrl, configurable: true });
      description.userIdentityTokens = (description.userIdentityTokens ?? []).filter(
        (token) => token.tokenType === library.ua.UserTokenType.UserName,
      );
    }
  }
}

function addContent(
  library: Library,
  server: OPCUAServer,
  { identity, confirmWithinMs, stalledAfterMs, defects }: StartMessage,
  device: DeviceLink,
): Pick<RunningServer, 'show' | 'raise'> {
  const addressSpace = server.engine?.addressSpace;
  if (addressSpace === null || addressSpace === undefined)
    throw new Error('the OPC UA server has no address space');
  const builder = new NodeBuilder(library, addressSpace);
  const transaction = new FileTransaction({
    maximumBytes: maximumFileBytes,
    silenceMs: defects.includes(waitsForEver) ? Infinity : stalledAfterMs,
    onSilence: (bytes) => device.log(transferEnded(stalledAfterMs, bytes)),
  });
  server.on('session_closed', (session) => transaction.forget(session.getSessionId().toString()));
  let latest: GatewayState | null = null;
  const gateway = addGateway(builder, device);
  const times = { confirmWithinMs, stalledAfterMs };
  addSoftwareUpdate({ builder, gateway, device, identity, transaction, times, latest: () => latest });
  const { DataType } = library.ua;
  return {
    show: (state) => {
      latest = state;
      builder.show(state);
    },
    raise: ({ object, text }) =>
      addressSpace.rootFolder.objects.server.raiseEvent('BaseEventType', {
        sourceNode: { dataType: DataType.NodeId, value: gateway.nodeId },
        sourceName: { dataType: DataType.String, value: object },
        message: { dataType: DataType.LocalizedText, value: { locale: 'en', text } },
        severity: { dataType: DataType.UInt16, value: alarmSeverity },
      }),
  };
}

function transferEnded(afterMs: number, bytes: number) {
  const text = `software-update: nothing for ${afterMs} ms after ${bytes} bytes`;
  return { event: 'transfer-ended', object: 'firmware', result: 'ended', text };
}
