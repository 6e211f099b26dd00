/* The device's address space: what it is, a process value that lives, a setpoint, commands, and a variable of each
 * built-in type that a client may write. */

#include <open62541/plugin/log_stdout.h>
#include <math.h>
#include <stdio.h>

#include "device.h"

#define DEVICE "Device"

static UA_UInt16 ns;

static UA_NodeId named(char *name) { return UA_NODEID_STRING(ns, name); }

/* --- Values that come from somewhere else than the address space --- */

#define READ_OF(function, ctype, uatype, expression)                                                            \
    static UA_StatusCode function(UA_Server *s, const UA_NodeId *session, void *sc, const UA_NodeId *node,      \
                                  void *nc, UA_Boolean time, const UA_NumericRange *range, UA_DataValue *out) { \
        (void)s, (void)session, (void)sc, (void)node, (void)nc, (void)time, (void)range;                        \
        ctype value = (expression);                                                                             \
        out->hasValue = true;                                                                                   \
        return UA_Variant_setScalarCopy(&out->value, &value, &UA_TYPES[uatype]);                                \
    }

/* 4 bar, and a slow wave: two readings some milliseconds apart differ. */
static UA_Double pressure(void) {
    UA_Double seconds = (UA_Double)UA_DateTime_nowMonotonic() / (UA_Double)UA_DATETIME_SEC;
    return 4.0 + 0.5 * sin(seconds);
}

READ_OF(readPressure, UA_Double, UA_TYPES_DOUBLE, pressure())
READ_OF(readCounter, UA_UInt32, UA_TYPES_UINT32, lastCounter())
READ_OF(readSetpoint, UA_Int32, UA_TYPES_INT32, setpoint())

static UA_StatusCode writeSetpoint(UA_Server *server, const UA_NodeId *session, void *sessionContext,
                                   const UA_NodeId *node, void *nodeContext, const UA_NumericRange *range,
                                   const UA_DataValue *in) {
    (void)server, (void)session, (void)sessionContext, (void)node, (void)nodeContext, (void)range;
    if(!in->hasValue || !UA_Variant_hasScalarType(&in->value, &UA_TYPES[UA_TYPES_INT32]))
        return UA_STATUSCODE_BADTYPEMISMATCH;
    UA_Int32 value = *(UA_Int32 *)in->value.data;
    if(!setSetpoint(value)) return UA_STATUSCODE_BADOUTOFMEMORY;
    UA_LOG_INFO(UA_Log_Stdout, UA_LOGCATEGORY_USERLAND, "setpoint written: %d", value);
    return UA_STATUSCODE_GOOD;
}

static UA_StatusCode addSource(UA_Server *server, char *id, char *name, const UA_DataType *type, UA_Byte access,
                               UA_DataSource source) {
    UA_VariableAttributes attributes = UA_VariableAttributes_default;
    attributes.displayName = UA_LOCALIZEDTEXT("", name);
    attributes.dataType = type->typeId;
    attributes.valueRank = UA_VALUERANK_SCALAR;
    attributes.accessLevel = access;
    return UA_Server_addDataSourceVariableNode(
        server, named(id), named(DEVICE), UA_NODEID_NUMERIC(0, UA_NS0ID_HASCOMPONENT), UA_QUALIFIEDNAME(ns, name),
        UA_NODEID_NUMERIC(0, UA_NS0ID_BASEDATAVARIABLETYPE), attributes, source, NULL, NULL);
}

static UA_StatusCode addVariable(UA_Server *server, char *id, char *name, UA_Variant value, UA_Byte access) {
    UA_VariableAttributes attributes = UA_VariableAttributes_default;
    attributes.displayName = UA_LOCALIZEDTEXT("", name);
    attributes.dataType = value.type->typeId;
    UA_UInt32 anyLength = 0;
    if(UA_Variant_isScalar(&value)) {
        attributes.valueRank = UA_VALUERANK_SCALAR;
    } else {
        attributes.valueRank = UA_VALUERANK_ONE_DIMENSION;
        attributes.arrayDimensionsSize = 1;
        attributes.arrayDimensions = &anyLength;
    }
    attributes.value = value;
    attributes.accessLevel = access;
    return UA_Server_addVariableNode(
        server, named(id), named(DEVICE), UA_NODEID_NUMERIC(0, UA_NS0ID_HASCOMPONENT), UA_QUALIFIEDNAME(ns, name),
        UA_NODEID_NUMERIC(0, UA_NS0ID_BASEDATAVARIABLETYPE), attributes, NULL, NULL);
}

/* One variable of each type, called Types.<type>, with its zero as first value; and an array. */
static UA_StatusCode addTypes(UA_Server *server) {
    static const UA_Byte access = UA_ACCESSLEVELMASK_READ | UA_ACCESSLEVELMASK_WRITE;
    static const int types[] = { UA_TYPES_BOOLEAN, UA_TYPES_SBYTE, UA_TYPES_BYTE, UA_TYPES_INT16, UA_TYPES_UINT16,
        UA_TYPES_INT32, UA_TYPES_UINT32, UA_TYPES_INT64, UA_TYPES_UINT64, UA_TYPES_FLOAT, UA_TYPES_DOUBLE,
        UA_TYPES_STRING, UA_TYPES_DATETIME, UA_TYPES_GUID, UA_TYPES_BYTESTRING, UA_TYPES_LOCALIZEDTEXT };
    UA_StatusCode status = UA_STATUSCODE_GOOD;
    for(size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const UA_DataType *type = &UA_TYPES[types[i]];
        void *zero = UA_new(type);
        if(zero == NULL) return UA_STATUSCODE_BADOUTOFMEMORY;
        UA_Variant value;
        UA_Variant_setScalar(&value, zero, type);
        char id[64];
        snprintf(id, sizeof id, "Types.%s", type->typeName);
        status |= addVariable(server, id, (char *)(uintptr_t)type->typeName, value, access);
        UA_delete(zero, type);
    }
    UA_Int32 numbers[] = { 1, -2, 3 };
    UA_Variant array;
    UA_Variant_setArray(&array, numbers, 3, &UA_TYPES[UA_TYPES_INT32]);
    return status | addVariable(server, "Types.Int32Array", "Int32Array", array, access);
}

/* --- Methods --- */

static UA_StatusCode command(UA_Server *server, const UA_NodeId *session, void *sessionContext,
                             const UA_NodeId *method, void *methodContext, const UA_NodeId *object,
                             void *objectContext, size_t inputs, const UA_Variant *input, size_t outputs,
                             UA_Variant *output) {
    (void)server, (void)session, (void)sessionContext, (void)method, (void)methodContext, (void)object;
    (void)objectContext, (void)inputs, (void)outputs;
    UA_UInt32 result = obey((const UA_ByteString *)input[0].data);
    UA_LOG_INFO(UA_Log_Stdout, UA_LOGCATEGORY_USERLAND, "command: result %u, counter %u, setpoint %d", result,
                lastCounter(), setpoint());
    return UA_Variant_setScalarCopy(output, &result, &UA_TYPES[UA_TYPES_UINT32]);
}

/* Raises an event of the Server object: source, text, severity. */
static UA_StatusCode raise(UA_Server *server, const UA_NodeId *session, void *sessionContext,
                           const UA_NodeId *method, void *methodContext, const UA_NodeId *object,
                           void *objectContext, size_t inputs, const UA_Variant *input, size_t outputs,
                           UA_Variant *output) {
    (void)session, (void)sessionContext, (void)method, (void)methodContext, (void)object, (void)objectContext;
    (void)inputs, (void)outputs, (void)output;
    UA_NodeId event;
    UA_StatusCode status = UA_Server_createEvent(server, UA_NODEID_NUMERIC(0, UA_NS0ID_BASEEVENTTYPE), &event);
    if(status != UA_STATUSCODE_GOOD) return status;
    UA_DateTime now = UA_DateTime_now();
    UA_LocalizedText text = { UA_STRING(""), *(UA_String *)input[1].data };
    struct { char *property; void *value; int type; } fields[] = {
        { "Time", &now, UA_TYPES_DATETIME },
        { "SourceName", input[0].data, UA_TYPES_STRING },
        { "Message", &text, UA_TYPES_LOCALIZEDTEXT },
        { "Severity", input[2].data, UA_TYPES_UINT16 },
    };
    for(size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        status |= UA_Server_writeObjectProperty_scalar(server, event, UA_QUALIFIEDNAME(0, fields[i].property),
                                                       fields[i].value, &UA_TYPES[fields[i].type]);
    return status | UA_Server_triggerEvent(server, event, UA_NODEID_NUMERIC(0, UA_NS0ID_SERVER), NULL, true);
}

static UA_Argument argument(char *name, int type) {
    UA_Argument made;
    UA_Argument_init(&made);
    made.name = UA_STRING(name);
    made.dataType = UA_TYPES[type].typeId;
    made.valueRank = UA_VALUERANK_SCALAR;
    return made;
}

static UA_StatusCode addMethod(UA_Server *server, char *id, char *name, UA_MethodCallback callback, size_t inputs,
                               const UA_Argument *input, size_t outputs, const UA_Argument *output) {
    UA_MethodAttributes attributes = UA_MethodAttributes_default;
    attributes.displayName = UA_LOCALIZEDTEXT("", name);
    attributes.executable = true;
    attributes.userExecutable = true;
    return UA_Server_addMethodNode(server, named(id), named(DEVICE), UA_NODEID_NUMERIC(0, UA_NS0ID_HASCOMPONENT),
                                   UA_QUALIFIEDNAME(ns, name), attributes, callback, inputs, input, outputs, output,
                                   NULL, NULL);
}

static UA_StatusCode addMethods(UA_Server *server) {
    UA_Argument message = argument("message", UA_TYPES_BYTESTRING), result = argument("result", UA_TYPES_UINT32);
    UA_Argument event[] = { argument("source", UA_TYPES_STRING), argument("text", UA_TYPES_STRING),
                            argument("severity", UA_TYPES_UINT16) };
    return addMethod(server, DEVICE ".Command", "Command", command, 1, &message, 1, &result) |
           addMethod(server, DEVICE ".Raise", "Raise", raise, 3, event, 0, NULL);
}

UA_StatusCode addDevice(UA_Server *server, const char *folder) {
    if(!openCommands(folder)) return UA_STATUSCODE_BADCONFIGURATIONERROR;
    ns = UA_Server_addNamespace(server, "urn:fieldproof:open62541");
    UA_ObjectAttributes attributes = UA_ObjectAttributes_default;
    attributes.displayName = UA_LOCALIZEDTEXT("", DEVICE);
    UA_StatusCode status = UA_Server_addObjectNode(
        server, named(DEVICE), UA_NODEID_NUMERIC(0, UA_NS0ID_OBJECTSFOLDER),
        UA_NODEID_NUMERIC(0, UA_NS0ID_ORGANIZES), UA_QUALIFIEDNAME(ns, DEVICE),
        UA_NODEID_NUMERIC(0, UA_NS0ID_BASEOBJECTTYPE), attributes, NULL, NULL);
    UA_String version = UA_STRING(UA_OPEN62541_VERSION);
    UA_Variant value;
    UA_Variant_setScalar(&value, &version, &UA_TYPES[UA_TYPES_STRING]);
    UA_Byte r = UA_ACCESSLEVELMASK_READ, w = UA_ACCESSLEVELMASK_WRITE;
    status |= addVariable(server, DEVICE ".Version", "Version", value, r);
    status |= addSource(server, DEVICE ".Pressure", "Pressure", &UA_TYPES[UA_TYPES_DOUBLE], r,
                        (UA_DataSource){ readPressure, NULL });
    status |= addSource(server, DEVICE ".Counter", "Counter", &UA_TYPES[UA_TYPES_UINT32], r,
                        (UA_DataSource){ readCounter, NULL });
    status |= addSource(server, DEVICE ".Setpoint", "Setpoint", &UA_TYPES[UA_TYPES_INT32], r | w,
                        (UA_DataSource){ readSetpoint, writeSetpoint });
    return status | addTypes(server) | addMethods(server);
}
