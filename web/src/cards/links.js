// Links out: followed only by the user's click, without saying where from.
import { html } from "../core/html.js";

const enc = encodeURIComponent;
const lincs = (name) => ["LINCS", `https://maayanlab.cloud/sigcom-lincs/#/MetadataSearch/Signatures?query=${enc(JSON.stringify({ search: [name] }))}`];

/** Where more is known of a thing: [site, address]. */
export function sitesOf(kind, facts, id) {
  if (kind === "gene") {
    const gene = facts.gene_id, symbol = facts.symbol ?? id;
    return [...(gene ? [["NCBI Gene", `https://www.ncbi.nlm.nih.gov/gene/${enc(gene)}`]] : []), ["UniProt", `https://www.uniprot.org/uniprotkb?query=${enc(`gene_exact:${symbol} AND organism_id:9606`)}`],
      ["DrugBank", `https://go.drugbank.com/unearth/q?searcher=targets&query=${enc(symbol)}`], lincs(symbol)];
  }
  if (kind === "cell") return [["Cellosaurus", `https://www.cellosaurus.org/search?query=${enc(id)}`], ["ChEMBL", `https://www.ebi.ac.uk/chembl/g/#search_results/cell_lines/query=${enc(id)}`]];
  if (kind === "pert") {
    const key = facts.inchi_key || "", name = facts.pert_iname || id, type = String(facts.pert_type ?? "");
    if (/trt_(sh|xpr|oe|si|mut)/.test(type)) return [["NCBI Gene", `https://www.ncbi.nlm.nih.gov/gene/?term=${enc(`${name}[sym] AND human[orgn]`)}`], ["UniProt", `https://www.uniprot.org/uniprotkb?query=${enc(`gene_exact:${name} AND organism_id:9606`)}`], lincs(name)];
    if (type && !/trt_(cp|poscon)/.test(type)) return [["UniProt", `https://www.uniprot.org/uniprotkb?query=${enc(name)}`], lincs(name)];
    return [["PubChem", facts.pubchem_cid ? `https://pubchem.ncbi.nlm.nih.gov/compound/${enc(facts.pubchem_cid)}` : `https://pubchem.ncbi.nlm.nih.gov/#query=${enc(key || name)}`],
      ["ChEMBL", `https://www.ebi.ac.uk/chembl/g/#search_results/compounds/query=${enc(key || name)}`], ["DrugBank", `https://go.drugbank.com/unearth/q?searcher=drugs&query=${enc(name)}`], lincs(name)];
  }
  if (kind === "sig") return [lincs(id)];
  return [];
}

export const Sites = ({ kind, facts, id }) => {
  const sites = sitesOf(kind, facts, id);
  return sites.length ? html`<p class="sites"><span class="soft">Elsewhere:</span> ${sites.map(([name, url]) => html`<a key=${name} href=${url} target="_blank" rel="noreferrer noopener external">${name}<span aria-hidden="true"> ↗</span><span class="hidden"> (another site)</span></a>`)}</p>` : null;
};
