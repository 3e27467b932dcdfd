// Shows the way between two releases, and copies commands. Everything it shows stands in
// the page already; without it the page shows all ways and all jumps.
(() => {
	"use strict";
	const byId = (id) => document.getElementById(id);
	const all = (selector) => [...document.querySelectorAll(selector)];
	const from = byId("from"), to = byId("to"), answer = byId("answer"), heading = byId("jumps");
	const pair = (a, b) => JSON.stringify([a, b]);
	const ways = new Map(), addresses = new Map();
	for (const way of all("[data-way]")) {
		ways.set(pair(way.dataset.from, way.dataset.to), way);
		addresses.set(way.id, way);
		way.dataset.address = way.id;
		way.removeAttribute("id"); // or the browser would go there, and the answer stands at the top
	}
	const headingOfAll = heading.textContent;

	// What the answer says where no way leads from one to the other.
	function noWay(a, b) {
		const why = from.selectedOptions[0].dataset.why || to.selectedOptions[0].dataset.why;
		if (a === b) return `You have ${a} already: nothing to install.`;
		if (why) return `There is no upgrade from ${a} to ${b}: ${why}`;
		if (ways.has(pair(b, a))) return `${b} is older than ${a}: upgrades go to newer releases alone.`;
		return `There is no upgrade from ${a} to ${b}.`;
	}

	function show() {
		const a = from.value, b = to.value, asked = a !== "" && b !== "";
		const way = asked ? ways.get(pair(a, b)) : undefined;
		const jumps = way ? way.dataset.way.split(" ") : [];
		document.body.classList.toggle("chosen", asked);
		byId("answer-box").hidden = !asked;
		byId("all").hidden = !asked;
		const said = way ? way.querySelector(".said").textContent : asked ? noWay(a, b) : "";
		if (answer.textContent !== said) answer.textContent = said;
		heading.textContent = !asked ? headingOfAll : way ? `From ${a} to ${b}` : `No way from ${a} to ${b}`;
		for (const jump of all("[data-jump]")) {
			const at = jumps.indexOf(jump.id), nth = jump.querySelector(".nth");
			jump.hidden = asked && at < 0;
			nth.hidden = at < 0 || jumps.length < 2;
			nth.textContent = `Install ${at + 1} of ${jumps.length}`;
		}
		for (const edge of all("[data-edge]")) edge.classList.toggle("on", jumps.includes(edge.dataset.edge));
		const stops = way ? way.dataset.stops.split(" ") : [];
		for (const stop of all("[data-stop]")) stop.classList.toggle("on", stops.includes(stop.dataset.stop));
		return way;
	}

	// The address names the way, so that it can be sent to somebody.
	function changed() {
		const way = show();
		history.replaceState(null, "", way ? "#" + encodeURIComponent(way.dataset.address) : location.pathname + location.search);
	}

	function fromAddress() {
		let id = location.hash.slice(1);
		try { id = decodeURIComponent(id); } catch { /* not ours: no such way */ }
		const way = addresses.get(id), jump = byId(id);
		if (way) {
			from.value = way.dataset.from;
			to.value = way.dataset.to;
			show();
			window.scrollTo(0, 0);
		} else if (jump && jump.hidden && "jump" in jump.dataset) { // a link to an install that the chosen way does without
			from.value = "";
			show();
			jump.scrollIntoView();
		}
	}

	// Pages that come by http have no clipboard of their own; they select and copy.
	async function copy(text, source) {
		if (navigator.clipboard && window.isSecureContext) {
			try {
				await navigator.clipboard.writeText(text);
				return true;
			} catch { /* not allowed: the older way */ }
		}
		const range = document.createRange();
		range.selectNodeContents(source);
		getSelection().removeAllRanges();
		getSelection().addRange(range);
		return document.execCommand("copy");
	}

	const resets = new WeakMap();
	async function pressed(button) {
		const source = byId(button.dataset.copy), word = button.querySelector(".word");
		const well = await copy(source.textContent, source);
		word.textContent = well ? "Copied" : "Selected: press Ctrl-C";
		button.classList.toggle("done", well);
		byId("told").textContent = word.textContent + button.querySelector(".unseen").textContent;
		clearTimeout(resets.get(button));
		resets.set(button, setTimeout(() => {
			word.textContent = "Copy";
			button.classList.remove("done");
			byId("told").textContent = "";
		}, 4000));
	}

	for (const button of all("[data-copy]")) {
		button.hidden = false;
		button.addEventListener("click", () => pressed(button));
	}
	from.addEventListener("change", changed);
	to.addEventListener("change", changed);
	byId("all").addEventListener("click", () => {
		from.value = "";
		changed();
		from.focus();
	});
	addEventListener("hashchange", fromAddress);
	addEventListener("beforeprint", () => all("details").forEach((d) => { d.open = true; }));
	byId("ask").hidden = false;
	show();
	fromAddress();
})();
