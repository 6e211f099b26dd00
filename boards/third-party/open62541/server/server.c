/* An OPC UA server on open62541: `server PORT FOLDER guarded|open|closed`, on 127.0.0.1 alone.
 *
 * guarded   the secure policies, certificates of applications and people from FOLDER's lists, anonymous reads only
 * open      every policy of the library and None, every certificate, and everybody may do everything
 * closed    as guarded, but without security nobody may even ask for the endpoints
 *
 * FOLDER holds server.der, server.key.der, commands.key, and the folders trusted, issuers, revoked (applications),
 * users (people). Ends on SIGTERM and with its parent. */

#include <open62541/plugin/accesscontrol_default.h>
#include <open62541/plugin/log_stdout.h>
#include <open62541/plugin/pki_default.h>
#include <open62541/server.h>
#include <open62541/server_config_default.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "device.h"

static UA_ByteString fileOf(const char *folder, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    UA_ByteString bytes = UA_BYTESTRING_NULL;
    FILE *file = fopen(path, "rb");
    if(file == NULL) return bytes;
    fseek(file, 0, SEEK_END);
    if(UA_ByteString_allocBuffer(&bytes, (size_t)ftell(file)) == UA_STATUSCODE_GOOD) {
        rewind(file);
        bytes.length = fread(bytes.data, 1, bytes.length, file);
    }
    fclose(file);
    return bytes;
}

/* --- Who may do what: anonymous sessions have no context, and may only read --- */

static UA_StatusCode (*defaultActivate)(UA_Server *, UA_AccessControl *, const UA_EndpointDescription *,
                                        const UA_ByteString *, const UA_NodeId *, const UA_ExtensionObject *,
                                        void **);

/* The context tells people from anonymous sessions; the library frees it. */
static UA_StatusCode activate(UA_Server *server, UA_AccessControl *ac, const UA_EndpointDescription *endpoint,
                              const UA_ByteString *certificate, const UA_NodeId *session,
                              const UA_ExtensionObject *token, void **context) {
    UA_StatusCode status = defaultActivate(server, ac, endpoint, certificate, session, token, context);
    const UA_DataType *type = token->content.decoded.type;
    UA_Boolean person = type == &UA_TYPES[UA_TYPES_USERNAMEIDENTITYTOKEN] || type == &UA_TYPES[UA_TYPES_X509IDENTITYTOKEN];
    if(status == UA_STATUSCODE_GOOD && person && *context == NULL) *context = UA_ByteString_new();
    return status;
}

static UA_Byte accessLevel(UA_Server *server, UA_AccessControl *ac, const UA_NodeId *session, void *context,
                           const UA_NodeId *node, void *nodeContext) {
    (void)server, (void)ac, (void)session, (void)node, (void)nodeContext;
    return context == NULL ? UA_ACCESSLEVELMASK_READ : 0xFF;
}

static UA_Boolean mayCall(UA_Server *server, UA_AccessControl *ac, const UA_NodeId *session, void *context,
                          const UA_NodeId *method, void *methodContext, const UA_NodeId *object,
                          void *objectContext) {
    (void)server, (void)ac, (void)session, (void)method, (void)methodContext, (void)object, (void)objectContext;
    return context != NULL;
}

static UA_StatusCode useUsers(UA_ServerConfig *config) {
    UA_UsernamePasswordLogin people[] = { { UA_STRING_STATIC("operator"), UA_STRING_STATIC("operate-test") } };
    return UA_AccessControl_default(config, true, NULL, 1, people);
}

static UA_StatusCode trustFolders(UA_CertificateVerification *pki, const char *folder, const char *trusted) {
    char lists[3][512];
    snprintf(lists[0], sizeof lists[0], "%s/%s", folder, trusted);
    snprintf(lists[1], sizeof lists[1], "%s/issuers", folder);
    snprintf(lists[2], sizeof lists[2], "%s/revoked", folder);
    return UA_CertificateVerification_CertFolders(pki, lists[0], lists[1], lists[2]);
}

static UA_StatusCode guard(UA_ServerConfig *config, const char *folder) {
    UA_StatusCode status = trustFolders(&config->secureChannelPKI, folder, "trusted");
    status |= trustFolders(&config->sessionPKI, folder, "users");
    status |= useUsers(config);
    defaultActivate = config->accessControl.activateSession;
    config->accessControl.activateSession = activate;
    config->accessControl.getUserAccessLevel = accessLevel;
    config->accessControl.getUserExecutableOnObject = mayCall;
    return status;
}

static UA_StatusCode leaveOpen(UA_ServerConfig *config) {
    config->secureChannelPKI.clear(&config->secureChannelPKI);
    UA_CertificateVerification_AcceptAll(&config->secureChannelPKI);
    config->sessionPKI.clear(&config->sessionPKI);
    UA_CertificateVerification_AcceptAll(&config->sessionPKI);
    return useUsers(config);
}

static UA_StatusCode usePolicies(UA_ServerConfig *config, UA_UInt16 port, const char *folder, const char *how) {
    UA_ByteString certificate = fileOf(folder, "server.der"), key = fileOf(folder, "server.key.der");
    UA_StatusCode status =
        strcmp(how, "open") == 0
            ? UA_ServerConfig_setDefaultWithSecurityPolicies(config, port, &certificate, &key, NULL, 0, NULL, 0, NULL, 0)
            : UA_ServerConfig_setDefaultWithSecureSecurityPolicies(config, port, &certificate, &key, NULL, 0, NULL, 0,
                                                                   NULL, 0);
    if(status == UA_STATUSCODE_GOOD && strcmp(how, "guarded") == 0) {
        /* Without this policy nobody could ask which certificate the server has. */
        config->securityPolicyNoneDiscoveryOnly = true;
        status = UA_ServerConfig_addSecurityPolicyNone(config, NULL);
    }
    UA_ByteString_clear(&certificate);
    UA_ByteString_clear(&key);
    return status;
}

static UA_StatusCode configure(UA_ServerConfig *config, UA_UInt16 port, const char *folder, const char *how) {
    UA_StatusCode status = usePolicies(config, port, folder, how);
    if(status != UA_STATUSCODE_GOOD) return status;
    char url[64];
    snprintf(url, sizeof url, "opc.tcp://127.0.0.1:%u", port);
    UA_Array_delete(config->serverUrls, config->serverUrlsSize, &UA_TYPES[UA_TYPES_STRING]);
    config->serverUrls = UA_String_new();
    *config->serverUrls = UA_STRING_ALLOC(url);
    config->serverUrlsSize = 1;
    config->tcpReuseAddr = true;
    UA_String_clear(&config->applicationDescription.applicationUri);
    config->applicationDescription.applicationUri = UA_STRING_ALLOC("urn:fieldproof:open62541:server");
    return strcmp(how, "open") == 0 ? leaveOpen(config) : guard(config, folder);
}

static volatile UA_Boolean running = true;
static void stop(int signal) {
    (void)signal;
    running = false;
}

int main(int words, char **word) {
    if(words != 4) return 64;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    UA_ServerConfig config;
    memset(&config, 0, sizeof config);
    UA_StatusCode status = configure(&config, (UA_UInt16)atoi(word[1]), word[2], word[3]);
    UA_Server *server = status == UA_STATUSCODE_GOOD ? UA_Server_newWithConfig(&config) : NULL;
    if(server != NULL) status = addDevice(server, word[2]);
    if(server != NULL && status == UA_STATUSCODE_GOOD) status = UA_Server_run(server, &running);
    if(status != UA_STATUSCODE_GOOD) printf("ended with %s\n", UA_StatusCode_name(status));
    if(server != NULL) UA_Server_delete(server);
    return status == UA_STATUSCODE_GOOD && server != NULL ? 0 : 3;
}
