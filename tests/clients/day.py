"""A day of a charging station, played by the Python package `ocpp`, which checks every message against the official schemas.

usage: day.py URL STATION 1.6|2.0.1|2.1 TOKEN

The day lies in the past and is told at once, as by a station that was offline: three stays, each told every quarter of an
hour. Prints one line of JSON: what was said, and every call that was answered.
"""

import asyncio
import json
import sys
from datetime import datetime, timedelta, timezone

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint as Station16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import ChargePoint as Station201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from ocpp.v21 import ChargePoint as Station21
from ocpp.v21 import call as call21
from ocpp.v21 import call_result as result21

# Hours of the day at which an EV comes and goes, and what it takes in Wh.
STAYS = [(7, 11, 9_000), (12, 15, 6_500), (17, 23, 22_000)]
QUARTER = timedelta(minutes=15)

heard = []
settings = {"MeterValueSampleInterval": "900", "ChargingScheduleAllowedChargingRateUnit": "Current"}


async def authorised(ask, status_of):
    """As a driver who holds the card to the reader again: a token counts from the next version of the directory on."""
    for _ in range(100):
        answer = await ask()
        if status_of(answer) == "Accepted":
            return
        await asyncio.sleep(0.1)
    raise AssertionError(answer)


def stamp(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Day16(Station16):
    @on("GetConfiguration")
    def on_get_configuration(self, key=None, **_):
        heard.append("GetConfiguration")
        wanted = key or list(settings)
        known = [{"key": name, "readonly": False, "value": settings[name]} for name in wanted if name in settings]
        return result16.GetConfiguration(
            configuration_key=known, unknown_key=[name for name in wanted if name not in settings]
        )

    @on("ChangeConfiguration")
    def on_change_configuration(self, key, value):
        heard.append("ChangeConfiguration")
        settings[key] = value
        return result16.ChangeConfiguration(status="Accepted")

    @on("SetChargingProfile")
    def on_set_charging_profile(self, connector_id, cs_charging_profiles):
        heard.append("SetChargingProfile")
        return result16.SetChargingProfile(status="Accepted")

    @on("ClearChargingProfile")
    def on_clear_charging_profile(self, **_):
        heard.append("ClearChargingProfile")
        return result16.ClearChargingProfile(status="Unknown")

    @on("TriggerMessage")
    def on_trigger_message(self, requested_message, **_):
        heard.append("TriggerMessage")
        return result16.TriggerMessage(status="Rejected")

    @on("Reset")
    def on_reset(self, type):
        heard.append("Reset")
        return result16.Reset(status="Accepted")

    @on("UnlockConnector")
    def on_unlock_connector(self, connector_id):
        heard.append("UnlockConnector")
        return result16.UnlockConnector(status="Unlocked")

    @on("ChangeAvailability")
    def on_change_availability(self, connector_id, type):
        heard.append("ChangeAvailability")
        return result16.ChangeAvailability(status="Accepted")

    @on("UpdateFirmware")
    def on_update_firmware(self, location, retrieve_date, **_):
        heard.append("UpdateFirmware")
        return result16.UpdateFirmware()

    @on("GetDiagnostics")
    def on_get_diagnostics(self, location, **_):
        heard.append("GetDiagnostics")
        return result16.GetDiagnostics(file_name="day.zip")

    async def begin(self):
        answer = await self.call(call16.BootNotification(charge_point_model="Day", charge_point_vendor="PyPI"))
        assert answer.status == "Accepted", answer
        # What time it is by the station's clock: without it nobody knows what its stamps are worth.
        await self.status("Available", timestamp=stamp(datetime.now(timezone.utc)))

    async def status(self, status, **more):
        await self.call(call16.StatusNotification(connector_id=1, error_code="NoError", status=status, **more))

    async def stay(self, token, begin, end, register, energy):
        await authorised(
            lambda: self.call(call16.Authorize(id_tag=token)), lambda answer: answer.id_tag_info["status"]
        )
        await self.status("Preparing")
        answer = await self.call(
            call16.StartTransaction(connector_id=1, id_tag=token, meter_start=register, timestamp=stamp(begin))
        )
        assert answer.id_tag_info["status"] == "Accepted", answer
        transaction = answer.transaction_id
        await self.status("Charging")
        for at, read in readings(begin, end, register, energy):
            sampled = [
                {"value": str(read), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
                {"value": "10.2", "measurand": "Current.Import", "phase": "L1", "unit": "A"},
            ]
            value = [{"timestamp": stamp(at), "sampledValue": sampled}]
            await self.call(call16.MeterValues(connector_id=1, transaction_id=transaction, meter_value=value))
        await self.call(
            call16.StopTransaction(
                transaction_id=transaction, meter_stop=register + energy, timestamp=stamp(end), id_tag=token,
                reason="EVDisconnected",
            )
        )
        await self.status("Available")
        return transaction

    async def heartbeat(self):
        await self.call(call16.Heartbeat())


def day_of(station, call, result):
    """What OCPP 2.0.1 and 2.1 say alike, in the messages of either."""

    class Day2(station):
        def variables(self, action, data, **more):
            heard.append(action)
            place = lambda of: {"component": of["component"], "variable": of["variable"]}
            return [{"attribute_status": more["status"], **place(of)} for of in data]

        @on("GetVariables")
        def on_get_variables(self, get_variable_data, **_):
            results = self.variables("GetVariables", get_variable_data, status="UnknownVariable")
            return result.GetVariables(get_variable_result=results)

        @on("SetVariables")
        def on_set_variables(self, set_variable_data, **_):
            return result.SetVariables(
                set_variable_result=self.variables("SetVariables", set_variable_data, status="Accepted")
            )

        @on("SetChargingProfile")
        def on_set_charging_profile(self, **_):
            heard.append("SetChargingProfile")
            return result.SetChargingProfile(status="Accepted")

        @on("ClearChargingProfile")
        def on_clear_charging_profile(self, **_):
            heard.append("ClearChargingProfile")
            return result.ClearChargingProfile(status="Unknown")

        @on("TriggerMessage")
        def on_trigger_message(self, **_):
            heard.append("TriggerMessage")
            return result.TriggerMessage(status="Rejected")

        @on("Reset")
        def on_reset(self, type, **_):
            heard.append("Reset")
            return result.Reset(status="Scheduled")

        @on("UnlockConnector")
        def on_unlock_connector(self, **_):
            heard.append("UnlockConnector")
            return result.UnlockConnector(status="Unlocked")

        @on("ChangeAvailability")
        def on_change_availability(self, **_):
            heard.append("ChangeAvailability")
            return result.ChangeAvailability(status="Accepted")

        @on("UpdateFirmware")
        def on_update_firmware(self, request_id, firmware, **_):
            heard.append("UpdateFirmware")
            return result.UpdateFirmware(status="Accepted")

        @on("GetLog")
        def on_get_log(self, log, log_type, request_id, **_):
            heard.append("GetLog")
            return result.GetLog(status="Accepted", filename="day.zip")

        async def begin(self):
            station = {"model": "Day", "vendor_name": "PyPI"}
            answer = await self.call(call.BootNotification(charging_station=station, reason="PowerUp"))
            assert answer.status == "Accepted", answer
            await self.status("Available", datetime.now(timezone.utc))
            self.number = 0

        async def status(self, status, at):
            await self.call(
                call.StatusNotification(timestamp=stamp(at), connector_status=status, evse_id=1, connector_id=1)
            )

        async def stay(self, token, begin, end, register, energy):
            id_token = {"id_token": token, "type": "ISO14443"}
            await authorised(
                lambda: self.call(call.Authorize(id_token=id_token)), lambda answer: answer.id_token_info["status"]
            )
            self.number += 1
            transaction = f"day-{self.number}"
            seq_no = 0

            async def tell(kind, reason, at, read, context, **more):
                nonlocal seq_no
                info = {"transaction_id": transaction, **more.pop("info", {})}
                value = {"timestamp": stamp(at), "sampled_value": [
                    {"value": read, "context": context, "measurand": "Energy.Active.Import.Register",
                     "unit_of_measure": {"unit": "Wh"}},
                ]}
                answer = await self.call(
                    call.TransactionEvent(
                        event_type=kind, timestamp=stamp(at), trigger_reason=reason, seq_no=seq_no, offline=True,
                        transaction_info=info, evse={"id": 1, "connector_id": 1}, meter_value=[value], **more,
                    )
                )
                seq_no += 1
                return answer

            await self.status("Occupied", begin)
            answer = await tell("Started", "Authorized", begin, register, "Transaction.Begin", id_token=id_token,
                                info={"charging_state": "Charging"})
            assert answer.id_token_info["status"] == "Accepted", answer
            for at, read in readings(begin, end, register, energy):
                await tell("Updated", "MeterValuePeriodic", at, read, "Sample.Periodic",
                           info={"charging_state": "Charging"})
            await tell("Ended", "EVDeparted", end, register + energy, "Transaction.End",
                       info={"stopped_reason": "EVDisconnected"})
            await self.status("Available", end)
            return transaction

        async def heartbeat(self):
            await self.call(call.Heartbeat())

    return Day2


Day201 = day_of(Station201, call201, result201)


class Day21(day_of(Station21, call21, result21)):
    """What OCPP 2.1 has besides: payments at the station, priority, tariffs."""

    @on("GetTariffs")
    def on_get_tariffs(self, evse_id, **_):
        heard.append("GetTariffs")
        return result21.GetTariffs(status="NoTariff")

    async def stay(self, token, begin, end, register, energy):
        transaction = await super().stay(token, begin, end, register, energy)
        await self.call(call21.NotifyPriorityCharging(transaction_id=transaction, activated=True))
        await self.call(
            call21.NotifySettlement(
                psp_ref=f"psp-{transaction}", status="Settled", settlement_amount=4.5, settlement_time=stamp(end),
                transaction_id=transaction,
            )
        )
        return transaction


def readings(begin, end, register, energy):
    """Every quarter of an hour between begin and end."""
    span, at = end - begin, begin + QUARTER
    while at < end:
        yield at, register + int(energy * (at - begin) / span)
        at += QUARTER


async def play(url, name, version, token):
    kind, protocol = {
        "1.6": (Day16, "ocpp1.6"), "2.0.1": (Day201, "ocpp2.0.1"), "2.1": (Day21, "ocpp2.1"),
    }[version]
    async with websockets.connect(f"{url}/{name}", subprotocols=[protocol]) as socket:
        assert socket.subprotocol == protocol, socket.subprotocol
        station = kind(name, socket)
        serving = asyncio.create_task(station.start())
        try:
            await station.begin()
            midnight = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(hours=26)
            register, stays = 100_000, []
            for come, go, energy in STAYS:
                begin, end = midnight + timedelta(hours=come), midnight + timedelta(hours=go)
                await station.stay(token, begin, end, register, energy)
                await station.heartbeat()
                stays.append(energy)
                register += energy
            print(json.dumps({"stays": stays, "heard": sorted(set(heard))}), flush=True)
            # What the backend wants of it then, until it is told to go.
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
            print(json.dumps({"heard": sorted(set(heard))}), flush=True)
        finally:
            serving.cancel()


if __name__ == "__main__":
    asyncio.run(play(*sys.argv[1:]))
