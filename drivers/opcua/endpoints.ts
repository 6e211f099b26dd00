/** What a server offers, and what is asked of it. */

import type { EndpointDescription, OPCUAClient } from 'node-opcua-client';
import { DriverError } from '../../harness/errors.ts';
import type { OpcUaLibrary } from './library.ts';
import type { OpcUaSettings } from './settings.ts';

export function policyOf(
  mode: OpcUaSettings['securityMode'],
  settings: Pick<OpcUaSettings, 'securityPolicy'>,
): NonNullable<OpcUaSettings['securityPolicy']> {
  return mode === 'None' ? 'None' : (settings.securityPolicy ?? 'Basic256Sha256');
}

/** The offers as people read them: `SignAndEncrypt/Basic256Sha256, …`. */
function offersOf({ ua }: OpcUaLibrary, offers: readonly EndpointDescription[]): string {
  const names = offers.map(
    (offer) =>
      `${ua.MessageSecurityMode[offer.securityMode]}/${(offer.securityPolicyUri ?? '').split('#').at(-1)}`,
  );
  return [...new Set(names)].join(', ') || 'nothing';
}

/** The error for a board file that asks for what the server does not offer. */
export function notOffered(
  library: OpcUaLibrary,
  what: string,
  settings: OpcUaSettings,
  endpoints: readonly EndpointDescription[],
): DriverError {
  const asked = `${settings.securityMode}/${policyOf(settings.securityMode, settings)}`;
  const offers = offersOf(library, endpoints);
  return new DriverError('not-offered', `${what}: the server does not offer ${asked}`, {
    data: { asked, offers },
    hint: `It offers ${offers}; set securityMode and securityPolicy in the board file.`,
  });
}

/**
 * Lets the client ask for a session without security even where the server lists no such endpoint: whether it gives
 * one is for the server to say, and node-opcua would not ask.
 *
 * @returns what to try next if it does not, or undefined where it lists one
 */
export async function askWithoutSecurity(
  library: OpcUaLibrary,
  client: OPCUAClient,
  endpointUrl: string,
): Promise<string | undefined> {
  const { MessageSecurityMode: Mode, SecurityPolicy: Policy, EndpointDescription } = library.ua;
  if (client.findEndpointForSecurity(Mode.None, Policy.None) !== undefined) return undefined;
  const offers = await client.getEndpoints({ endpointUrl });
  const none = { securityMode: Mode.None, securityPolicyUri: String(Policy.None) };
  const unlisted = new EndpointDescription({ ...offers[0], ...none });
  const find = client.findEndpointForSecurity.bind(client);
  client.findEndpointForSecurity = (mode, policy) => find(mode, policy) ?? unlisted;
  return `It offers ${offersOf(library, offers)}; set securityMode and securityPolicy in the board file.`;
}
