// A day of a charging station, played by the npm package `ocpp-rpc` in strict mode: it checks every message against the
// official schemas, and closes the link over any that is not as they say.
//
// usage: day.mjs URL STATION 1.6|2.0.1 TOKEN
//
// The day lies in the past and is told at once, as by a station that was offline. Prints one line of JSON.

import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(`${process.env.WATTERY_CLIENTS}/node/`);
const { RPCClient } = require("ocpp-rpc");

const STAYS = [[7, 11, 9000], [12, 15, 6500], [17, 23, 22000]];
const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 60 * 60_000;
const [url, station, version, token] = process.argv.slice(2);
const protocol = `ocpp${version}`;
const heard = new Set();

const client = new RPCClient({
    endpoint: url, identity: station, protocols: [protocol], strictMode: true, reconnect: false,
});
client.on("strictValidationFailure", ({ error }) => fail(`not as the schema says: ${error.message} ${JSON.stringify(error.details)}`));

function fail(reason) {
    console.error(reason);
    process.exit(1);
}

function expect(actual, wanted, what) {
    if (actual !== wanted) fail(`${what}: ${actual}, not ${wanted}`);
}

// As a driver who holds the card to the reader again: a token counts from the next version of the directory on.
async function authorised(payload, info) {
    let status;
    for (let attempt = 0; attempt < 100; attempt++) {
        status = (await client.call("Authorize", payload))[info].status;
        if (status === "Accepted") return;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    fail(`token: ${status}, not Accepted`);
}

// What the backend asks is answered, so that its answers are checked too.
client.handle(({ method, params }) => {
    heard.add(method);
    switch (method) {
        case "GetConfiguration":
            return { configurationKey: [], unknownKey: params.key ?? [] };
        case "GetVariables":
            return { getVariableResult: params.getVariableData.map(({ component, variable }) => (
                { attributeStatus: "UnknownVariable", component, variable })) };
        case "SetVariables":
            return { setVariableResult: params.setVariableData.map(({ component, variable }) => (
                { attributeStatus: "Accepted", component, variable })) };
        case "ClearChargingProfile":
            return { status: "Unknown" };
        case "TriggerMessage":
            return { status: "Rejected" };
        case "UnlockConnector":
            return { status: "Unlocked" };
        case "UpdateFirmware":
            return version === "1.6" ? {} : { status: "Accepted" };
        case "GetDiagnostics":
            return { fileName: "day.zip" };
        default:
            return { status: "Accepted" };
    }
});

function* readings(begin, end, register, energy) {
    for (let at = begin + QUARTER_MS; at < end; at += QUARTER_MS) {
        yield [at, register + Math.floor(energy * (at - begin) / (end - begin))];
    }
}

const stamp = (at) => new Date(at).toISOString();

const days = {
    "1.6": {
        async begin() {
            const boot = await client.call("BootNotification", { chargePointModel: "Day", chargePointVendor: "npm" });
            expect(boot.status, "Accepted", "boot");
            // What time it is by the station's clock: without it nobody knows what its stamps are worth.
            await this.status("Available", { timestamp: stamp(Date.now()) });
        },
        status: (status, more) => (
            client.call("StatusNotification", { connectorId: 1, errorCode: "NoError", status, ...more })),
        async stay(begin, end, register, energy) {
            await authorised({ idTag: token }, "idTagInfo");
            await this.status("Preparing");
            const { transactionId } = await client.call("StartTransaction", {
                connectorId: 1, idTag: token, meterStart: register, timestamp: stamp(begin),
            });
            await this.status("Charging");
            for (const [at, read] of readings(begin, end, register, energy)) {
                await client.call("MeterValues", { connectorId: 1, transactionId, meterValue: [{
                    timestamp: stamp(at),
                    sampledValue: [{ value: `${read}`, measurand: "Energy.Active.Import.Register", unit: "Wh" }],
                }] });
            }
            await client.call("StopTransaction", {
                transactionId, meterStop: register + energy, timestamp: stamp(end), idTag: token, reason: "EVDisconnected",
            });
            await this.status("Available");
        },
    },
    "2.0.1": {
        number: 0,
        async begin() {
            const boot = await client.call("BootNotification", {
                reason: "PowerUp", chargingStation: { model: "Day", vendorName: "npm" },
            });
            expect(boot.status, "Accepted", "boot");
            await this.status("Available", Date.now());
        },
        status: (connectorStatus, at) => client.call("StatusNotification", {
            timestamp: stamp(at), connectorStatus, evseId: 1, connectorId: 1,
        }),
        async stay(begin, end, register, energy) {
            const idToken = { idToken: token, type: "ISO14443" };
            await authorised({ idToken }, "idTokenInfo");
            const transactionId = `day-${++this.number}`;
            let seqNo = 0;
            const tell = (eventType, triggerReason, at, value, context, info, more) => client.call("TransactionEvent", {
                eventType, triggerReason, timestamp: stamp(at), seqNo: seqNo++, offline: true,
                transactionInfo: { transactionId, ...info }, evse: { id: 1, connectorId: 1 },
                meterValue: [{ timestamp: stamp(at), sampledValue: [
                    { value, context, measurand: "Energy.Active.Import.Register", unitOfMeasure: { unit: "Wh" } },
                ] }], ...more,
            });
            await this.status("Occupied", begin);
            await tell("Started", "Authorized", begin, register, "Transaction.Begin", { chargingState: "Charging" }, { idToken });
            for (const [at, read] of readings(begin, end, register, energy)) {
                await tell("Updated", "MeterValuePeriodic", at, read, "Sample.Periodic", { chargingState: "Charging" });
            }
            await tell("Ended", "EVDeparted", end, register + energy, "Transaction.End", { stoppedReason: "EVDisconnected" });
            await this.status("Available", end);
        },
    },
};

await client.connect();
expect(client.protocol, protocol, "subprotocol");
const day = days[version];
await day.begin();
const midnight = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 26 * HOUR_MS;
let register = 100_000;
for (const [come, go, energy] of STAYS) {
    await day.stay(midnight + come * HOUR_MS, midnight + go * HOUR_MS, register, energy);
    await client.call("Heartbeat", {});
    register += energy;
}
console.log(JSON.stringify({ stays: STAYS.map(([, , energy]) => energy), heard: [...heard].sort() }));
// What the backend wants of it then, until it is told to go.
await new Promise((resolve) => readline.createInterface({ input: process.stdin }).once("line", resolve));
console.log(JSON.stringify({ heard: [...heard].sort() }));
await client.close();
process.exit(0);
