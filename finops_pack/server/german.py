"""German for every text of the pages."""

from __future__ import annotations

WORDS = {
    "Against the usual": "Gegen das Übliche",
    "Budget": "Budget",
    "Budgets": "Budgets",
    "No budget is set:": "Es ist kein Budget gesetzt:",
    "No failure mode seen: none of its steps stands out.": (
        "Keine Fehlerart zu sehen: keiner der Schritte fällt auf."
    ),
    "No tasks in this period.": "Keine Aufgaben in diesem Zeitraum.",
    "The calls of this task are not in the ledger.": (
        "Die Aufrufe dieser Aufgabe stehen nicht im Hauptbuch."
    ),
    "The dearest first; a task opens to its calls.": (
        "Die teuersten zuerst; eine Aufgabe öffnet sich zu ihren Aufrufen."
    ),
    "The ledger cannot be read": "Das Hauptbuch ist nicht lesbar",
    "Used": "Verbraucht",
    "Flat plans: {usd} list equivalent, not money spent": (
        "Pauschaltarife: {usd} zum Listenpreis, kein ausgegebenes Geld"
    ),
    "could be chance": "kann Zufall sein",
    "for each call": "je Aufruf",
    "for each session": "je Sitzung",
    "for each task": "je Aufgabe",
    "to": "bis",
    "more calls a task": "mehr Aufrufe je Aufgabe",
    "fewer calls a task": "weniger Aufrufe je Aufgabe",
    "a dearer mix of models": "teurere Modelle",
    "a cheaper mix of models": "günstigere Modelle",
    "more input a call": "mehr Input je Aufruf",
    "less input a call": "weniger Input je Aufruf",
    "longer answers": "längere Antworten",
    "shorter answers": "kürzere Antworten",
    "a colder cache": "einen kälteren Cache",
    "a warmer cache": "einen wärmeren Cache",
    "higher prices": "höhere Preise",
    "lower prices": "niedrigere Preise",
    "other causes": "andere Ursachen",
    "only calls of flat plans in this period; show them with --billing subscription": (
        "in diesem Zeitraum nur Aufrufe von Pauschaltarifen; zu sehen mit --billing subscription"
    ),
    "Why it cost what it cost": "Warum sie kostete, was sie kostete",
    "call": "Aufruf",
    "calls": "Aufrufe",
    "cancelled": "abgebrochen",
    "cache_hit": "aus dem lokalen Cache",
    "error": "Fehler",
    "rejected:": "verworfen:",
    "{count} attempts": "{count} Versuche",
    "{count} from the cache": "{count} aus dem Cache",
    "(other)": "(Übrige)",
    "(not set)": "(ohne Namen)",
    "(none)": "(ohne Namen)",
    "(withheld)": "(nicht genannt)",
    "30% limit": "Grenze 30 %",
    "A key lets an agent report to this account. Revoking it ends that at once.": (
        "Mit einem Schlüssel meldet ein Agent an dieses Konto. Ein Widerruf beendet das sofort."
    ),
    "Accounts are made where the server runs:": "Konten entstehen dort, wo der Server läuft:",
    "Action": "Aktion",
    "Add the one line": "Die eine Zeile einfügen",
    "Alert at percent of it": "Warnen ab Prozent davon",
    "Alerts": "Warnungen",
    "An alert closes by itself when its cause ends.": (
        "Eine Warnung schließt sich selbst, sobald ihre Ursache endet."
    ),
    "Best levers": "Beste Optimierungen",
    "By action": "Nach Aktion",
    "By model": "Nach Modell",
    "Cache hit rate": "Cache-Trefferquote",
    "Cache-write share": "Cache-Write-Anteil",
    "Cache-write share by day": "Cache-Write-Anteil nach Tagen",
    "Call tree": "Aufrufbaum",
    "Calls": "Aufrufe",
    "Cause": "Ursache",
    "Cold calls": "Cold Calls",
    "Cold calls by cause": "Cold Calls nach Ursache",
    "Company": "Firma",
    "On that machine, connect once (it asks for the key), then send what is due every hour, "
    "for example from cron:": (
        "Auf jener Maschine einmal verbinden (der Schlüssel wird erfragt), dann stündlich senden, "
        "was fällig ist, zum Beispiel mit cron:"
    ),
    "It is shown once, and you can revoke it at any time.": (
        "Er wird einmal gezeigt und lässt sich jederzeit widerrufen."
    ),
    "Copied": "Kopiert",
    "Copy": "Kopieren",
    "Copy the command": "Den Befehl kopieren",
    "Copy the commands": "Die Befehle kopieren",
    "Copy the key": "Den Schlüssel kopieren",
    "Copy the line": "Die Zeile kopieren",
    "Cost": "Kosten",
    "Cost per request": "Kosten je Anfrage",
    "Cost per task": "Kosten je Aufgabe",
    "Costs": "Kosten",
    "Coverage": "Abdeckung",
    "Day": "Tag",
    "E-mail address": "E-Mail-Adresse",
    "E-mail address or password is wrong.": "E-Mail-Adresse oder Passwort ist falsch.",
    "Efficiency": "Effizienz",
    "Effort": "Aufwand",
    "Forecast {usd} ({low} to {high})": "Prognose {usd} ({low} bis {high})",
    "Get a key": "Einen Schlüssel holen",
    "Get started": "Erste Schritte",
    "It tracks LangChain, CrewAI, AutoGen and the SDKs of OpenAI and Anthropic in this process:": (
        "Sie erfasst LangChain, CrewAI, AutoGen und die SDKs von OpenAI und Anthropic in "
        "diesem Prozess:"
    ),
    "Keys": "Schlüssel",
    "Last used": "Zuletzt benutzt",
    "Latest day": "Letzter Tag",
    "Levers": "Optimierungen",
    "Line of the cache-write share a day, with the limit at 30%": (
        "Linie des Cache-Write-Anteils je Tag mit der Grenze bei 30 %"
    ),
    "Main": "Hauptmenü",
    "Model": "Modell",
    "Monthly budget in USD (empty: none)": "Monatsbudget in USD (leer: keines)",
    "Name": "Name",
    "No alerts: all is well.": "Keine Warnungen: alles in Ordnung.",
    "No cold calls in this period.": "Keine Cold Calls in diesem Zeitraum.",
    "No keys yet.": "Noch keine Schlüssel.",
    "No such page": "Diese Seite gibt es nicht",
    "No waste found in this period.": "Keine Verschwendung in diesem Zeitraum gefunden.",
    "Nobody has reported cache figures for this period.": (
        "Für diesen Zeitraum hat niemand Cache-Zahlen gemeldet."
    ),
    "Nothing has been reported yet. Two minutes from here to your first figures.": (
        "Noch wurde nichts gemeldet. In zwei Minuten stehen hier Ihre ersten Zahlen."
    ),
    "Nothing reported in this period.": "In diesem Zeitraum wurde nichts gemeldet.",
    "No lever found in this period.": "In diesem Zeitraum wurde keine Optimierung gefunden.",
    "Or look back: import the logs of Claude Code, or see the demo.": (
        "Oder zurückblicken: die Protokolle von Claude Code einlesen oder die Demo ansehen."
    ),
    "Or report from anything that speaks HTTP": "Oder von überall her über HTTP melden",
    "Overview": "Übersicht",
    "Password": "Passwort",
    "Period": "Zeitraum",
    "Register a key": "Schlüssel anlegen",
    "Registered": "Angelegt",
    "Registered keys": "Angelegte Schlüssel",
    "Reporters": "Melder",
    "Revoke": "Widerrufen",
    "Right": "Recht",
    "Save": "Speichern",
    "Saved.": "Gespeichert.",
    "Set a monthly budget": "Ein Monatsbudget festlegen",
    "Settings": "Einstellungen",
    "Share": "Anteil",
    "Show as a table": "Als Tabelle zeigen",
    "Sign in": "Anmelden",
    "Sign out": "Abmelden",
    "Skip to content": "Zum Inhalt springen",
    "Something went wrong": "Etwas ist schiefgegangen",
    "Spend": "Ausgaben",
    "Spend over time": "Ausgaben im Verlauf",
    "Split by": "Aufteilen nach",
    "Stacked bars of spend a day; the table below holds the same figures": (
        "Gestapelte Balken der Ausgaben je Tag; die Tabelle darunter nennt dieselben Zahlen"
    ),
    "Started": "Begonnen",
    "Status": "Stand",
    "Store it now: it is not shown again.": "Jetzt sichern: er wird nicht noch einmal gezeigt.",
    "Task": "Aufgabe",
    "Tasks": "Aufgaben",
    "That page does not exist.": "Diese Seite ist nicht vorhanden.",
    "The budget must be an amount above 0, not grouped: 1000 or 1000.50.": (
        "Das Budget muss ein Betrag über 0 sein, ohne Tausenderpunkte: 1000 oder 1000,50."
    ),
    "The key needs a name, of at most 200 characters.": (
        "Der Schlüssel braucht einen Namen von höchstens 200 Zeichen."
    ),
    "This form was sent before: its key is registered, and was shown then.": (
        "Dieses Formular wurde schon gesendet: sein Schlüssel ist registriert und wurde damals "
        "gezeigt."
    ),
    "The company needs a name, of at most 200 characters.": (
        "Die Firma braucht einen Namen von höchstens 200 Zeichen."
    ),
    "The percent must be a whole number from 1 to 100.": (
        "Das Prozent muss eine ganze Zahl von 1 bis 100 sein."
    ),
    "The figures stand on the dashboard at once.": "Die Zahlen stehen sofort auf der Übersicht.",
    "The form has expired: load the page again.": (
        "Das Formular ist abgelaufen: bitte die Seite neu laden."
    ),
    "They may explain the same dollars: they are causes, not parts of a sum.": (
        "Sie können dieselben Dollar erklären: Es sind Ursachen, keine Summanden."
    ),
    "This month": "Dieser Monat",
    "This task is no longer in the ledger.": "Diese Aufgabe steht nicht mehr im Hauptbuch.",
    "To the overview": "Zur Übersicht",
    "Today": "Heute",
    "Tokens": "Token",
    "Too many tries: wait {minutes} minutes.": "Zu viele Versuche: bitte {minutes} Minuten warten.",
    "Useful and wasted": "Nützlich und verschwendet",
    "Waste": "Verschwendung",
    "Waste by cause": "Verschwendung nach Ursache",
    "What to change, and what it saves a month.": "Was zu ändern ist und was es im Monat spart.",
    "Yes, revoke": "Ja, widerrufen",
    "Yes, revoke {name}": "Ja, {name} widerrufen",
    "Your new key": "Ihr neuer Schlüssel",
    "a month": "im Monat",
    "above 30%": "über 30 %",
    "against the {days} days before": "gegenüber den {days} Tagen davor",
    "all": "alle",
    "and {count} more": "und {count} weitere",
    "below_minimum": "Prompt zu kurz für den Cache",
    "calls that read nothing from the cache": "Aufrufe, die nichts aus dem Cache lasen",
    "cold_cache": "Kalter Cache",
    "critical": "kritisch",
    "days": "Tage",
    "effort:automatic": "keiner, automatisch",
    "effort:config": "eine Einstellung",
    "effort:workflow": "ein anderer Ablauf",
    "estimated": "geschätzt",
    "failed": "gescheitert",
    "first": "Erster Aufruf einer Sitzung",
    "hallucination_recovery": "Korrektur von Halluzinationen",
    "high": "hoch",
    "last report for {date}": "letzte Meldung für {date}",
    "lasts the month": "reicht für den Monat",
    "lever:batch": "Batch",
    "lever:cache": "Cache",
    "lever:model": "Modell",
    "lever:workflow": "Ablauf",
    "low": "niedrig",
    "medium": "mittel",
    "never": "nie",
    "no price:": "ohne Preis:",
    "not scored yet": "noch nicht bewertet",
    "not_cached": "Nie in den Cache geschrieben",
    "of": "von",
    "of the dollars": "der Dollar",
    "of the input tokens": "der Input-Token",
    "open": "offen",
    "over 1 request": "über 1 Anfrage",
    "over 1 task": "über 1 Aufgabe",
    "over {count} requests": "über {count} Anfragen",
    "over {count} tasks": "über {count} Aufgaben",
    "prefix_changed": "Anfang des Prompts geändert",
    "priced": "mit Preis",
    "provider_miss": "Vom Anbieter verfehlt",
    "read only": "nur lesen",
    "repeat_calls": "Wiederholte Aufrufe",
    "retries": "Neuversuche",
    "runaway_output": "Ausufernde Antworten",
    "runs out on {date}": "reicht bis {date}",
    "send and read": "senden und lesen",
    "since": "seit",
    "succeeded": "gelungen",
    "ttl_expired": "Cache abgelaufen",
    "unknown": "unbekannt",
    "unpriced": "ohne Preis",
    "list equivalent": "zum Listenpreis",
    "+ what the tasks inside it cost, which are listed too": (
        "+ was die Aufgaben in ihr kosten, die ebenfalls in der Liste stehen"
    ),
    "unused_tools": "Ungenutzte Werkzeuge",
    "unused_context": "Ungenutzter Kontext",
    "used up": "aufgebraucht",
    "useful": "nützlich",
    "wasted": "verschwendet",
    "1 call is not booked yet": "1 Aufruf ist noch nicht gebucht",
    "{count} calls are not booked yet": "{count} Aufrufe sind noch nicht gebucht",
    "{percent} estimated": "{percent} geschätzt",
    "{percent} of the input tokens": "{percent} der Input-Token",
    "{percent} of the money was well spent": "{percent} des Geldes waren gut angelegt",
    "{percent} of the monthly budget is used": "{percent} des Monatsbudgets sind verbraucht",
    "{percent} of the spend": "{percent} der Ausgaben",
    "{percent} used, alert at {threshold}": "{percent} verbraucht, Warnung ab {threshold}",
    "{percent} was attainable within sessions": "{percent} wären je Sitzung erreichbar",
    "{usd} in {days} days": "{usd} in {days} Tagen",
    "Lower the share of cache writes": "Den Cache-Write-Anteil senken",
    "Send unattended calls as a batch": "Unbeaufsichtigte Aufrufe als Batch senden",
    "Set cache breakpoints": "Cache-Breakpoints setzen",
    "Compress the context before the cache expires": (
        "Den Kontext komprimieren, bevor der Cache abläuft"
    ),
    "Lengthen the heartbeat interval": "Das Heartbeat-Intervall erhöhen",
    "Try a cheaper model": "Ein günstigeres Modell versuchen",
    "Skip jobs that change nothing": "Jobs auslassen, die nichts ändern",
    "Stop writing caches that nobody reads": "Keine Caches schreiben, die niemand liest",
    "Bundle tasks into warm sessions": "Tasks in bestehenden Sessions bündeln",
    "Use the one-hour cache where sessions pause": (
        "Den Ein-Stunden-Cache nutzen, wo Sitzungen pausieren"
    ),
    "cut, page or summarise such results before they enter the context": (
        "solche Ergebnisse kürzen, seitenweise lesen oder zusammenfassen, bevor sie in den Kontext "
        "kommen"
    ),
    "back off with jitter, cap the retries of a task, and shed load at rate limits": (
        "mit Zufall warten, Neuversuche je Aufgabe begrenzen und bei Rate-Limits Last abwerfen"
    ),
    "stop a run that repeats itself, cap tool calls a turn, and return errors that say what to do "
    "instead": (
        "einen Lauf beenden, der sich wiederholt, Werkzeugaufrufe je Zug begrenzen, und Fehler "
        "zurückgeben, die sagen, was stattdessen zu tun ist"
    ),
    "set max_tokens, ask for a shorter form, or lower the reasoning effort": (
        "max_tokens setzen, eine kürzere Form verlangen oder den Reasoning-Aufwand senken"
    ),
}
